"""Run nsgen as ``python -m nsgen``."""

from nsgen.cli.commands import main

if __name__ == "__main__":
    main(prog_name="nsgen")
