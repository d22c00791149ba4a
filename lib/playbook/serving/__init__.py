"""Parts of serve: what a server is to be, how it is spoken to, and the containers it may run in."""
