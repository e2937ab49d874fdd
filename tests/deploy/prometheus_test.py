"""Rules, alerts and scrape configurations of deploy/prometheus."""
import concurrent.futures
import re
import tempfile
import unittest

import cases

PROMETHEUS = cases.DEPLOY / "prometheus"
TESTS = sorted((PROMETHEUS / "tests").glob("*_test.yml"))


def alerts():
    groups = cases.read_yaml(PROMETHEUS / "rules" / "alerts.yml")[0]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def anchors(page):
    """Of a page's headings, as GitHub and most other renderers make them."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


class PrometheusTest(unittest.TestCase):
    def promtool(self, *arguments):
        code, output = cases.run(cases.need("promtool"), *arguments)
        self.assertEqual(code, 0, output)

    def check_queries(self, queries):
        cases.need("promtool")
        wrong = cases.wrong_queries(queries)
        self.assertEqual(wrong, "", wrong)

    def test_rules_parse(self):
        self.promtool("check", "rules", *sorted((PROMETHEUS / "rules").glob("*.yml")))

    def test_configurations_parse(self):
        for name in ("prometheus.yml", "local.yml"):
            self.promtool("check", "config", PROMETHEUS / name)
        # Debian's Prometheus is built without the discovery of Kubernetes: the rest of that job is checked with other targets.
        configuration = cases.read_yaml(PROMETHEUS / "scrape-kubernetes.yml")[0]
        job = configuration["scrape_configs"][0]
        self.assertEqual(job.pop("kubernetes_sd_configs"), [{"role": "pod"}])
        job["static_configs"] = [{"targets": ["127.0.0.1:9464"]}]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            cases.yaml.safe_dump(configuration, file)
            file.flush()
            self.promtool("check", "config", file.name)

    def test_the_jobs_have_the_name_that_alerts_ask_for(self):
        for name in ("prometheus.yml", "local.yml", "scrape-kubernetes.yml"):
            jobs = cases.read_yaml(PROMETHEUS / name)[0]["scrape_configs"]
            self.assertEqual([job["job_name"] for job in jobs], ["adscore"], name)

    def test_alerts_fire_and_hold_still(self):
        cases.need("promtool")
        self.assertTrue(TESTS)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done in [pool.submit(self.promtool, "test", "rules", path) for path in TESTS]:
                done.result()

    def test_each_alert_has_a_case_that_fires_and_one_that_does_not(self):
        fires, holds_still = set(), set()
        for path in TESTS:
            for test in cases.read_yaml(path)[0]["tests"]:
                for case in test["alert_rule_test"]:
                    (fires if case["exp_alerts"] else holds_still).add(case["alertname"])
        names = {rule["alert"] for rule in alerts()}
        self.assertEqual(fires, names)
        self.assertEqual(holds_still, names)

    # A group that promtool evaluates before the one that it reads would see the step before: tests must name all of them.
    def test_cases_evaluate_all_groups_in_order(self):
        order = [group["name"] for name in ("recording.yml", "alerts.yml")
                 for group in cases.read_yaml(PROMETHEUS / "rules" / name)[0]["groups"]]
        for path in TESTS:
            self.assertEqual(cases.read_yaml(path)[0]["group_eval_order"], order, path.name)

    def test_each_alert_says_what_to_do(self):
        known = anchors(cases.ROOT / "docs" / "operations.md")
        for rule in alerts():
            name = rule["alert"]
            self.assertIn(rule["labels"]["severity"], {"page", "ticket"}, name)
            for annotation in ("summary", "description", "runbook_url"):
                self.assertTrue(rule["annotations"].get(annotation), f"{name} has no {annotation}")
            page, anchor = rule["annotations"]["runbook_url"].split("#")
            self.assertEqual((page, anchor), ("docs/operations.md", name.lower()))
            self.assertIn(anchor, known, f"docs/operations.md has no entry for {name}")

    def test_queries_of_the_runbook_parse(self):
        page = re.sub(r"\s+", " ", (cases.ROOT / "docs" / "operations.md").read_text().split("\n## Alerts\n")[1])
        queries = [span for span in re.findall(r"`([^`]+)`", page) if re.match(r"(sum|count|increase|histogram_quantile)\b", span)]
        self.assertGreater(len(queries), 10)
        self.check_queries(queries)


if __name__ == "__main__":
    cases.main()
