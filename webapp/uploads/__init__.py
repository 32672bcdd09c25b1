"""Files that somebody uploads: decoded, read as CSV in bounded memory, and kept between a dry run and the import."""
