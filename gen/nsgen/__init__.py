"""nsgen compiles a declarative topology of network namespaces to a shell script."""

__version__ = "0.1.0"
