"""Statistics of small and large studies: one method a file, plain arrays in, estimates out."""
