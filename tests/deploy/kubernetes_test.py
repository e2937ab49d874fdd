"""The Kubernetes manifests: the fields that matter, and that the parts fit each other."""
import re
import unittest

import cases

KUBERNETES = cases.DEPLOY / "kubernetes"
BASE = KUBERNETES / "base"
OVERLAY = KUBERNETES / "overlays" / "example"


def kustomization(folder):
    return cases.read_yaml(folder / "kustomization.yaml")[0]


def manifests():
    """Kind → the manifest of the base; each kind is there once."""
    found = {}
    for name in kustomization(BASE)["resources"]:
        for manifest in cases.read_yaml(BASE / name):
            assert manifest["kind"] not in found, manifest["kind"]
            found[manifest["kind"]] = manifest
    return found


class KubernetesTest(unittest.TestCase):
    def setUp(self):
        self.manifests = manifests()
        self.deployment = self.manifests["Deployment"]["spec"]
        self.pod = self.deployment["template"]["spec"]
        self.containers = {container["name"]: container for container in self.pod["containers"]}
        self.server = self.containers["server"]

    def test_api_versions(self):
        versions = {kind: manifest["apiVersion"] for kind, manifest in self.manifests.items()}
        self.assertEqual(versions, {
            "ServiceAccount": "v1", "Service": "v1", "Deployment": "apps/v1",
            "HorizontalPodAutoscaler": "autoscaling/v2", "PodDisruptionBudget": "policy/v1",
            "NetworkPolicy": "networking.k8s.io/v1"})

    def test_every_file_belongs_to_a_kustomization(self):
        self.assertEqual({path.name for path in BASE.glob("*.yaml")}, {"kustomization.yaml", *kustomization(BASE)["resources"]})
        overlay = kustomization(OVERLAY)
        self.assertEqual([(OVERLAY / resource).resolve() for resource in overlay["resources"]], [BASE.resolve()])
        self.assertEqual({path.name for path in OVERLAY.glob("*.yaml")},
                         {"kustomization.yaml", *(patch["path"] for patch in overlay["patches"])})

    def test_the_overlay_changes_what_is_there(self):
        overlay = kustomization(OVERLAY)
        self.assertEqual({image["name"] for image in overlay["images"]}, {container["image"] for container in self.pod["containers"]})
        for patch in overlay["patches"]:
            manifest = cases.read_yaml(OVERLAY / patch["path"])[0]
            self.assertEqual(manifest["metadata"]["name"], self.manifests[manifest["kind"]]["metadata"]["name"])
            for container in manifest["spec"]["template"]["spec"]["containers"]:
                self.assertIn(container["name"], self.containers)
        made = {generator["name"]: [literal.split("=")[0] for literal in generator["literals"]]
                for generator in overlay["configMapGenerator"]}
        asked = [source["configMapRef"]["name"] for source in self.containers["model-sync"]["envFrom"] if "configMapRef" in source]
        self.assertEqual(list(made), asked)
        for variable in re.findall(r"\$\((\w+)\)", " ".join(self.containers["model-sync"]["args"])):
            self.assertIn(variable, made[asked[0]])

    def test_selectors_choose_the_pods(self):
        labels = self.deployment["template"]["metadata"]["labels"]
        selectors = [
            self.deployment["selector"]["matchLabels"],
            self.manifests["Service"]["spec"]["selector"],
            self.manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
            self.manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
            *(spread["labelSelector"]["matchLabels"] for spread in self.pod["topologySpreadConstraints"])]
        for selector in selectors:
            self.assertTrue(selector)
            self.assertLessEqual(selector.items(), labels.items())
        target = self.manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
        self.assertEqual((target["kind"], target["name"]), ("Deployment", self.manifests["Deployment"]["metadata"]["name"]))
        self.assertNotIn("replicas", self.deployment)  # they are the autoscaler's

    def test_ports(self):
        ports = {port["name"]: port["containerPort"] for port in self.server["ports"]}
        self.assertIn(f"--listen=0.0.0.0:{ports['grpc']}", self.server["args"])
        self.assertIn(f"--http-listen=0.0.0.0:{ports['http']}", self.server["args"])
        for port in self.manifests["Service"]["spec"]["ports"]:
            self.assertIn(port["targetPort"], ports)
        for rule in self.manifests["NetworkPolicy"]["spec"]["ingress"]:
            self.assertTrue(rule["from"])  # nobody by default
            for port in rule["ports"]:
                self.assertIn(port["port"], ports)

    def test_clients_balance(self):
        self.assertEqual(self.manifests["Service"]["spec"]["clusterIP"], "None")

    def test_probes(self):
        paths = {probe: self.server[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
        # A server without a model must not be killed for it.
        self.assertEqual(paths, {"startupProbe": "/healthz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"})

    def test_a_pod_has_the_time_to_drain(self):
        (delay,) = [int(word.split("=")[1]) / 1000 for word in self.server["args"] if word.startswith("--drain-delay-ms=")]
        command = self.server["lifecycle"]["preStop"]["exec"]["command"]
        self.assertEqual(command[0], "sleep")
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], int(command[1]) + delay + cases.drain_limits()[1])
        self.assertEqual(self.deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0)

    def test_pods_are_restricted(self):
        self.assertFalse(self.pod["automountServiceAccountToken"])
        self.assertTrue(self.pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(self.pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        dockerfile = (cases.DEPLOY / "container" / "Dockerfile").read_text()
        self.assertIn(f"USER {self.pod['securityContext']['runAsUser']}:{self.pod['securityContext']['runAsGroup']}\n", dockerfile)
        for name, container in self.containers.items():
            context = container["securityContext"]
            self.assertFalse(context["allowPrivilegeEscalation"], name)
            self.assertTrue(context["readOnlyRootFilesystem"], name)
            self.assertEqual(context["capabilities"], {"drop": ["ALL"]}, name)
            for kind in ("requests", "limits"):
                self.assertEqual(set(container["resources"][kind]), {"cpu", "memory"}, name)

    def test_the_server_gets_the_cores_it_may_use(self):
        self.assertIn("--serving-threads=$(CORES)", self.server["args"])
        environment = {variable["name"]: variable["valueFrom"]["resourceFieldRef"]["resource"] for variable in self.server["env"]}
        self.assertEqual(environment["CORES"], "limits.cpu")

    def test_the_sidecar_writes_and_the_server_reads(self):
        mounts = {name: container["volumeMounts"] for name, container in self.containers.items()}
        self.assertEqual(mounts["server"], [{"name": "models", "mountPath": "/models", "readOnly": True}])
        self.assertEqual(mounts["model-sync"], [{"name": "models", "mountPath": "/models"}])
        self.assertIn("--model-root=/models", self.server["args"])
        script = (cases.DEPLOY / "model-sync" / "model-sync.sh").read_text()
        for word in self.containers["model-sync"]["args"]:
            if word.startswith("--"):
                self.assertIn(f"{word} ", script)

    def test_the_autoscaler_asks_for_what_the_adapter_makes(self):
        metrics = self.manifests["HorizontalPodAutoscaler"]["spec"]["metrics"]
        asked = [metric["pods"]["metric"]["name"] for metric in metrics if metric["type"] == "Pods"]
        rules = cases.read_yaml(KUBERNETES / "prometheus-adapter.yaml")[0]["rules"]
        self.assertEqual(asked, [rule["name"]["as"] for rule in rules])
        # The labels that the rule maps are those that the scrape job gives.
        scrape = cases.read_yaml(cases.DEPLOY / "prometheus" / "scrape-kubernetes.yml")[0]["scrape_configs"][0]
        given = {relabel.get("target_label") for relabel in scrape["relabel_configs"]}
        for rule in rules:
            self.assertLessEqual(set(rule["resources"]["overrides"]), given)

    def test_the_adapters_query_parses(self):
        cases.need("promtool")
        for rule in cases.read_yaml(KUBERNETES / "prometheus-adapter.yaml")[0]["rules"]:
            query = rule["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.LabelMatchers>>", 'namespace="ads",pod=~"a|b"')
            self.assertEqual(cases.wrong_queries([query, rule["seriesQuery"]]), "")


if __name__ == "__main__":
    cases.main()
