"""What runs on other machines and talks to the service."""
