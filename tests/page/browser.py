#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a live page in headless Chromium and does what a person does.

    browser.py JOBS.json RESULTS.json

JOBS is a list of {"page": path, "hash": text, "type": {input: text}, "choose": {choice: label}, "drag": input,
"script": JavaScript, "picture": path, "size": [width, height], "dark": bool, "pdf": path}, all but page optional;
RESULTS a list of {"metrics": {name: number or null}, "state": text, "hash": text, "milliseconds": [one a drag step],
"cpu": {what: milliseconds of the main thread a drag step},
"script": what it returned, "log": errors}. Chromium is driven by Debian's chromium-driver, over W3C WebDriver: keys are
real keys. Exits with code 77 where there is no chromium or chromium-driver.
"""
import base64
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

CONTROL, RELEASE = "\ue009", "\ue000"  # WebDriver's keys
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    def __init__(self, profile, dark):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}", "--silent"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.root = f"http://127.0.0.1:{port}"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 f"--user-data-dir={profile}", "--hide-scrollbars"]
        if dark:
            flags.append("--blink-settings=preferredColorScheme=0")
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"}}
        for attempt in range(100):
            try:
                session = self.send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except (urllib.error.URLError, ConnectionError):
                if attempt == 99 or self.driver.poll() is not None:
                    raise
                time.sleep(0.1)
        self.root += "/session/" + session["sessionId"]

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            sys.exit("chromedriver: " + error.read().decode()[:500])

    def script(self, text):
        return self.send("POST", "/execute/sync", {"script": text, "args": []})

    def cpu(self):
        """Seconds of the page's main thread so far, without what others took of its core."""
        metrics = self.send("POST", "/goog/cdp/execute", {"cmd": "Performance.getMetrics", "params": {}})["metrics"]
        return {m["name"]: m["value"] for m in metrics if m["name"] in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")}

    def element(self, css):
        found = self.send("POST", "/element", {"using": "css selector", "value": css})
        return "/element/" + found[ELEMENT]

    def close(self):
        try:
            self.send("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()


READ = """
const value = td => Number.isFinite(Number(td.dataset.value)) ? Number(td.dataset.value) : null;
return {metrics: Object.fromEntries([...document.querySelectorAll('[data-metric]')].map(td => [td.dataset.metric, value(td)])),
        state: document.getElementById('state').textContent};
"""

# A drag from end to end: how long each step takes, with layout and paint forced by a frame.
DRAG = """
const done = arguments[arguments.length - 1];
const slider = document.querySelector(`[data-input="%s"]`).closest('.row').querySelector('[type=range]');
const times = [], most = Number(slider.max);
let step = 0;
const next = () => {
  if (step > 40) return done(times);
  slider.value = most * step++ / 40;
  const started = performance.now();
  slider.dispatchEvent(new Event('input', {bubbles: true}));
  document.body.getBoundingClientRect();
  times.push(performance.now() - started);
  requestAnimationFrame(next);
};
next();
"""


def reveal(browser, css):
    """Opens the group that hides it."""
    browser.script(f"for (let n = document.querySelector(`{css}`); n; n = n.parentElement) if (n.tagName === 'DETAILS') n.open = true;"
                   f"document.querySelector(`{css}`).scrollIntoView({{block: 'center'}});")


def run(browser, job):
    browser.send("POST", "/goog/cdp/execute", {"cmd": "Performance.enable", "params": {"timeDomain": "threadTicks"}})
    width, height = job.get("size", [1280, 900])
    browser.send("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
        "width": width, "height": height, "deviceScaleFactor": job.get("scale", 1), "mobile": width < 600}})
    # By way of an empty page: another fragment alone would not load it again.
    browser.send("POST", "/url", {"url": "about:blank"})
    page = pathlib.Path(job["page"]).resolve().as_uri()
    browser.send("POST", "/url", {"url": page + ("#" + job["hash"] if job.get("hash") else "")})
    for _ in range(600):
        if browser.script("return document.documentElement.dataset.ready || ''") == "yes":
            break
        time.sleep(0.05)
    else:
        sys.exit("the page does not start: " + browser.script("return document.body.innerText.slice(0, 300)"))
    out = {}
    for name, text in job.get("type", {}).items():
        css = f'[data-input="{name}"]'
        reveal(browser, css)
        field = browser.element(css)
        browser.send("POST", field + "/value", {"text": f"{CONTROL}a{RELEASE}{text}"})
    for name, label in job.get("choose", {}).items():
        css = f'[data-choice="{name}"]'
        reveal(browser, css)
        option = browser.script(f"return [...document.querySelector(`{css}`).options].findIndex(o => o.label.split(' (')[0] === '{label}') + 1")
        browser.send("POST", browser.element(f"{css} option:nth-child({option})") + "/click", {})
    if "drag" in job:
        before = browser.cpu()
        out["milliseconds"] = browser.send("POST", "/execute/async", {"script": DRAG % job["drag"], "args": []})
        out["cpu"] = {name: 1000 * (x - before[name]) / len(out["milliseconds"]) for name, x in browser.cpu().items()}
    if "script" in job:
        out["script"] = browser.script(job["script"])
    out.update(browser.script(READ))
    time.sleep(0.4)  # the address follows when a change has settled
    out["hash"] = browser.script("return location.hash.slice(1)")
    if "picture" in job:
        if job.get("whole"):
            shot = browser.send("POST", "/goog/cdp/execute", {"cmd": "Page.captureScreenshot", "params": {"captureBeyondViewport": True}})["data"]
        else:
            shot = browser.send("GET", "/screenshot")
        pathlib.Path(job["picture"]).write_bytes(base64.b64decode(shot))
    if "pdf" in job:
        printed = browser.send("POST", "/goog/cdp/execute", {"cmd": "Page.printToPDF", "params": {"preferCSSPageSize": True, "printBackground": True}})
        pathlib.Path(job["pdf"]).write_bytes(base64.b64decode(printed["data"]))
    out["log"] = [entry["message"] for entry in browser.send("POST", "/se/log", {"type": "browser"})]
    return out


def main(jobs_file, results_file):
    if not (shutil.which("chromedriver") and shutil.which("chromium")):
        sys.exit(77)
    jobs = json.loads(pathlib.Path(jobs_file).read_text())
    results = []
    with tempfile.TemporaryDirectory() as profile:
        for dark in (False, True):
            mine = [(i, job) for i, job in enumerate(jobs) if job.get("dark", False) == dark]
            if not mine:
                continue
            browser = Browser(f"{profile}/{dark}", dark)
            try:
                results += [(i, run(browser, job)) for i, job in mine]
            finally:
                browser.close()
    results.sort(key=lambda r: r[0])
    pathlib.Path(results_file).write_text(json.dumps([r for _, r in results]))


if __name__ == "__main__":
    main(*sys.argv[1:])
