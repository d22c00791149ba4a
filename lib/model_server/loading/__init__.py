"""How a version comes up: loaded, checked, warmed with the requests inside it."""
