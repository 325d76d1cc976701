"""Who may do what, where: the contract's options, roles, and what every service knows of both."""
