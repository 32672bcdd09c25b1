"""The icons that a type may have. Each is in `icons.txt` as well, which says what is copied into the static files."""

from __future__ import annotations

ICONS = {
    "box": "Box",
    "file-text": "Document",
    "folder": "Folder",
    "clipboard-list": "List",
    "device-laptop": "Laptop",
    "device-mobile": "Mobile",
    "server": "Server",
    "database": "Database",
    "cloud": "Cloud",
    "network": "Network",
    "router": "Router",
    "wifi": "Wi-Fi",
    "world": "Web",
    "mail": "Mail",
    "phone": "Phone",
    "printer": "Printer",
    "camera": "Camera",
    "plug": "Power",
    "tool": "Tool",
    "key": "Key",
    "lock": "Lock",
    "shield": "Security",
    "certificate": "Certificate",
    "credit-card": "Contract",
    "calendar": "Calendar",
    "address-book": "People",
    "building": "Building",
    "car": "Vehicle",
}
