"""The Grafana dashboard: every query parses, and what it is provisioned with fits together."""
import json
import re
import unittest

import cases

GRAFANA = cases.DEPLOY / "grafana"
DASHBOARD = GRAFANA / "dashboards" / "adscore.json"


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    """Panel → its expressions; and those of annotations."""
    found = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in panels()}
    for annotation in dashboard()["annotations"]["list"]:
        found[annotation["name"]] = [annotation["expr"]]
    return found


def substituted(query):
    """As Grafana asks it."""
    return re.sub(r"\$(job|model|version|instance)\b", ".*", query.replace("$__rate_interval", "1m"))


class GrafanaTest(unittest.TestCase):
    def test_queries_parse(self):
        cases.need("promtool")
        cases.need_yaml()
        expressions = [substituted(query) for of_panel in queries().values() for query in of_panel]
        self.assertGreater(len(expressions), 30)
        self.assertEqual([query for query in expressions if "$" in query], [])
        self.assertEqual(cases.wrong_queries(expressions), "")

    # A selector without them would show what the reader has filtered out.
    def test_queries_obey_the_variables(self):
        for title, of_panel in queries().items():
            for query in of_panel:
                # adscore:NAME:UNIT is a budget, which has no labels.
                for selector in re.findall(r"(?<![\w:])(?:\w+:)?(?:adscore|process)_\w+(?::\w+)*(\{[^}]*\}|)", query):
                    self.assertIn('job=~"$job"', selector, f"{title}: {query}")

    def test_variables(self):
        names = [variable["name"] for variable in dashboard()["templating"]["list"]]
        self.assertEqual(names, ["datasource", "job", "model", "version", "instance"])

    def test_rules_that_it_draws_exist(self):
        recorded = {rule["record"] for group in cases.read_yaml(cases.DEPLOY / "prometheus" / "rules" / "recording.yml")[0]["groups"]
                    for rule in group["rules"]}
        for title, of_panel in queries().items():
            for query in of_panel:
                for name in re.findall(r"\b\w+:\w+:\w+\b", query):
                    self.assertIn(name, recorded, title)

    def test_panels_are_complete_and_do_not_overlap(self):
        taken = {}
        everything = dashboard()["panels"]
        self.assertEqual(len({panel["id"] for panel in everything}), len(everything))
        for panel in everything:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            for cell in [(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]:
                self.assertNotIn(cell, taken, f"{panel['title']} lies on {taken.get(cell)}")
                taken[cell] = panel["title"]
        for panel in panels():
            self.assertTrue(panel["title"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])
            for part in [panel, *panel["targets"]]:
                self.assertEqual(part["datasource"], {"type": "prometheus", "uid": "${datasource}"}, panel["title"])

    def test_it_is_provisioned_where_compose_puts_it(self):
        provider = cases.read_yaml(GRAFANA / "provisioning" / "dashboards" / "adscore.yml")[0]["providers"][0]
        source = cases.read_yaml(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")[0]["datasources"][0]
        compose = cases.read_yaml(cases.DEPLOY / "container" / "compose.yml")[0]
        volumes = dict(volume.split(":")[1::-1] for volume in compose["services"]["grafana"]["volumes"])
        self.assertEqual(volumes[provider["options"]["path"]], "../grafana/dashboards")
        self.assertEqual(volumes["/etc/grafana/provisioning"], "../grafana/provisioning")
        self.assertEqual(source["type"], "prometheus")
        self.assertIn(source["url"].split("//")[1].split(":")[0], compose["services"])


if __name__ == "__main__":
    cases.main()
