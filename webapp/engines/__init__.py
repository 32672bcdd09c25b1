"""What either database's connections need beside what SQLAlchemy gives them."""
