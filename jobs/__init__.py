"""What happens away from a request."""
