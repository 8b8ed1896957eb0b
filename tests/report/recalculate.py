#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Changes input cells of a workbook in headless LibreOffice and tells what every named cell then is.

    recalculate.py JOBS.json RESULTS.json

JOBS is a list of {"workbook": path, "set": {cell name: number}}; RESULTS a list of {cell name: number or
text it shows, null for an error}. LibreOffice recalculates as it does for a person who types: nothing is
computed here. Debian's python3-uno belongs to Debian's own python3, hence the first line.
"""
import json
import os
import subprocess
import re
import sys
import tempfile
import time
import xml.etree.ElementTree
import zipfile

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException


def connect(pipe, office):
    context = uno.getComponentContext()
    resolver = context.ServiceManager.createInstanceWithContext(
        "com.sun.star.bridge.UnoUrlResolver", context)
    for _ in range(600):
        if office.poll() is not None:
            sys.exit("LibreOffice ended before it could be reached")
        try:
            return resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
        except NoConnectException:
            time.sleep(0.1)
    sys.exit("LibreOffice cannot be reached")


def cells_by_name(workbook):
    """{name: (sheet, row, column)}, from the file: asking LibreOffice name by name takes a minute."""
    tree = xml.etree.ElementTree.fromstring(zipfile.ZipFile(workbook).read("xl/workbook.xml"))
    cells = {}
    for name in tree.iter("{http://schemas.openxmlformats.org/spreadsheetml/2006/main}definedName"):
        if name.get("name").startswith("_xlnm."):
            continue  # rows that every printed page repeats
        sheet, letters, row = re.fullmatch(r"'?([^']+)'?!\$([A-Z]+)\$(\d+)", name.text).groups()
        column = 0
        for letter in letters:
            column = 26 * column + ord(letter) - ord("A") + 1
        cells[name.get("name")] = (sheet, int(row) - 1, column - 1)
    return cells


def values(sheet):
    """What a sheet shows, by row and column: numbers, texts, None for an error."""
    cursor = sheet.createCursor()
    cursor.gotoEndOfUsedArea(False)
    address = cursor.getRangeAddress()
    area = sheet.getCellRangeByPosition(0, 0, address.EndColumn, address.EndRow)
    return area.getDataArray()


def run(desktop, job):
    hidden = PropertyValue()
    hidden.Name, hidden.Value = "Hidden", True
    document = desktop.loadComponentFromURL(
        uno.systemPathToFileUrl(os.path.abspath(job["workbook"])), "_blank", 0, (hidden,))
    sheets = document.Sheets
    cells = cells_by_name(job["workbook"])
    for name, value in job["set"].items():
        sheet, row, column = cells[name]
        sheets.getByName(sheet).getCellByPosition(column, row).setValue(value)
    shown = {name: values(sheets.getByName(name)) for name in sheets.ElementNames}
    document.close(True)
    return {name: shown[sheet][row][column] for name, (sheet, row, column) in cells.items()}


def main():
    jobs = json.load(open(sys.argv[1]))
    pipe = f"tomestimate-{os.getpid()}"
    with tempfile.TemporaryDirectory() as profile:
        office = subprocess.Popen(
            ["soffice", "--headless", "--norestore", "--nologo", f"--accept=pipe,name={pipe};urp;",
             f"-env:UserInstallation={uno.systemPathToFileUrl(profile)}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            context = connect(pipe, office)
            desktop = context.ServiceManager.createInstanceWithContext(
                "com.sun.star.frame.Desktop", context)
            results = [run(desktop, job) for job in jobs]
            desktop.terminate()
        finally:
            try:
                office.wait(30)
            except subprocess.TimeoutExpired:
                office.kill()
    json.dump(results, open(sys.argv[2], "w"))


main()
