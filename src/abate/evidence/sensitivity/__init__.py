"""How outcomes of a trial depend on the model's numbers: globally (Sobol), locally, and what the data can tell."""
