"""The subcommands of `jiuzhu`, one file each; `engine/cli.py` joins them."""
