"""Every metric that something in deploy/ asks for is one that the server has."""
import re
import unittest

import cases


def asked():
    """Place → names of metrics, a histogram's parts under its own name."""
    found = {}
    for folder in ("prometheus", "grafana", "kubernetes"):
        for path in sorted((cases.DEPLOY / folder).rglob("*")):
            if path.suffix not in (".yml", ".yaml", ".json") or path.name == "kustomization.yaml":
                continue
            text = re.sub(r"(?m)^\s*#.*$", "", path.read_text())
            names = re.findall(r"(?<![\w:\"/.-])((?:adscore|process)_\w+)(?=[{\[ )])", text)
            found[str(path.relative_to(cases.DEPLOY))] = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    return found


class MetricsTest(unittest.TestCase):
    def test_the_server_has_them(self):
        has = set()
        for path in (cases.ROOT / "server").rglob("*.cc"):
            has |= set(re.findall(r"\"((?:adscore|process)_\w+)\"", path.read_text()))
        names = asked()
        self.assertGreater(len(names["prometheus/rules/recording.yml"]), 5)
        self.assertGreater(len(names["grafana/dashboards/adscore.json"]), 20)
        for place, metrics in names.items():
            # What prometheus-adapter makes for the autoscaler is no metric of the server.
            self.assertEqual(metrics - has - {"adscore_queue_seconds"}, set(), place)


if __name__ == "__main__":
    cases.main()
