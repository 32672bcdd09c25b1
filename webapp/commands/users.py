from flask.cli import AppGroup

users = AppGroup("users", help="stub")
