"""The Envoy configuration: the fields that matter."""
import unittest

import cases


class EnvoyTest(unittest.TestCase):
    def setUp(self):
        self.configuration = cases.read_yaml(cases.DEPLOY / "envoy" / "envoy.yaml")[0]
        resources = self.configuration["static_resources"]
        (self.cluster,) = resources["clusters"]
        (self.listener,) = resources["listeners"]
        (self.manager,) = [part["typed_config"] for chain in self.listener["filter_chains"] for part in chain["filters"]]
        (host,) = self.manager["route_config"]["virtual_hosts"]
        (route,) = host["routes"]
        self.route = route["route"]

    def test_calls_are_balanced_and_not_connections(self):
        self.assertEqual(self.manager["codec_type"], "HTTP2")
        options = self.cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
        self.assertIn("http2_protocol_options", options["explicit_http_config"])
        self.assertEqual(self.cluster["lb_policy"], "LEAST_REQUEST")
        self.assertEqual(self.route["cluster"], self.cluster["name"])
        self.assertEqual(self.cluster["load_assignment"]["cluster_name"], self.cluster["name"])

    def test_only_what_did_not_begin_is_tried_again(self):
        policy = self.route["retry_policy"]
        self.assertEqual(set(policy["retry_on"].split(",")), {"unavailable", "connect-failure", "refused-stream"})
        (threshold,) = self.cluster["circuit_breakers"]["thresholds"]
        self.assertLessEqual(threshold["retry_budget"]["budget_percent"]["value"], 10)
        self.assertNotIn("max_retries", threshold)  # would stand in for the budget

    def test_replicas_tell_how_they_are(self):
        (check,) = self.cluster["health_checks"]
        self.assertEqual(check["grpc_health_check"], {"service_name": ""})
        self.assertEqual(check["unhealthy_threshold"], 1)
        # What the replicas in Kubernetes give it before they turn calls away.
        self.assertLess(sum(int(check[name].rstrip("s")) for name in ("interval", "timeout")), 5)
        self.assertEqual(self.cluster["common_lb_config"]["healthy_panic_threshold"], {"value": 0})

    def test_a_drain_breaks_no_call(self):
        self.assertFalse(self.cluster["close_connections_on_host_health_failure"])
        self.assertEqual(self.route["timeout"], "0s")  # the caller's deadline, and none for streams
        self.assertEqual(self.route["max_stream_duration"], {"grpc_timeout_header_max": "0s"})

    def test_the_admin_port_is_for_this_machine(self):
        self.assertEqual(self.configuration["admin"]["address"]["socket_address"]["address"], "127.0.0.1")


if __name__ == "__main__":
    cases.main()
