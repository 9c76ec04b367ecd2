"""Who asked: the HTTP service and its pages; the only importer of Flask."""
