"""Pages: what people look at, made on the server, on the same service as the API. How to add one: docs/pages.md."""
