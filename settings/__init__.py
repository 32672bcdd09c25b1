"""What `config` reads the settings with: a check for each, its data directory, and mail."""
