from flask.cli import AppGroup

tenants = AppGroup("tenants", help="stub")
