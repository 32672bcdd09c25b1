from flask.cli import AppGroup

runs = AppGroup("runs", help="stub")
