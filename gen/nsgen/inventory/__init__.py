"""What a topology comes to: every node with its devices, addresses, routes, ports, services, files and parameters."""
