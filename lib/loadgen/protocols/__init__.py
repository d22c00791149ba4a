"""What goes over a socket: HTTP/1.1, HTTP/2 with gRPC, and what a reply says about its rows."""
