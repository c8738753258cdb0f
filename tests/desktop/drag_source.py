"""A window with a file to be dragged: `python drag_source.py FILE`. Runs beside the tray's Qt."""

import sys
from typing import Any

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QLabel


class Source(QLabel):  # type: ignore[misc] # Qt's types are not installed here
    def mousePressEvent(self, _event: Any) -> None:  # noqa: N802 - Qt's name; Any: Qt's
        what = QMimeData()
        what.setUrls([QUrl.fromLocalFile(sys.argv[1])])
        drag = QDrag(self)
        drag.setMimeData(what)
        drag.exec(Qt.DropAction.CopyAction)


app = QApplication([])
source = Source("drag me")
source.setWindowTitle("drag source")
source.setGeometry(0, 60, 120, 60)
source.show()
app.exec()
