from flask.cli import AppGroup

integrations = AppGroup("integrations", help="stub")
