"""The endpoints under /v1, one blueprint for each group."""
