"""HTTP/2 and gRPC on the server's own event loop: from bytes of a connection to a unary call and its reply."""
