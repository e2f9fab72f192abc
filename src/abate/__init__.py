"""abate: treatment that blocks the interleukin-6 receptor, simulated, analysed and planned."""

__version__ = "0.1.0"
