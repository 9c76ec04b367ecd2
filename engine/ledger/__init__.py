"""The append-only record of decisions: hash chain and replay."""
