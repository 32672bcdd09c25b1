from flask.cli import AppGroup

licenses = AppGroup("licenses", help="stub")
