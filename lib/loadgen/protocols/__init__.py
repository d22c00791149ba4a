"""What goes over a socket: HTTP/1.1, HTTP/2 with gRPC, and whether two gRPC replies mean the same."""
