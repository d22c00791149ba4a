"""The REST side: HTTP/1.1, routes, and bodies as tensors."""
