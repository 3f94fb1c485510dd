# SPDX-License-Identifier: MIT
"""test_receiver - the HTTP end, by curl: every row of PROTOCOL 6.3."""
import hashlib
import json
import unittest

import sign
from relay import Receiver, Scenario

PATHS = {"econreg": "registration", "econveto": "veto",
         "econfork": "fork-decision", "econstatus": "status"}


class Http(Scenario):
    auto_activate = False

    def setUp(self):
        super().setUp()
        self.store = self.receiver(
            options={"receiver.auto_activate": self.auto_activate})
        self.key = sign.Key()

    def post(self, message, *words, **rest):
        return self.store.post(PATHS[message.command], message.payload,
                               *words, **rest)

    def check_problem(self, answer, status, kind):
        """ANSWER is a problem of that KIND. Returns its headers."""
        got, headers, body = answer
        self.assertEqual(got, status, body)
        self.assertEqual(headers["content-type"].split(";")[0],
                         "application/problem+json")
        problem = json.loads(body)
        self.assertEqual(problem["type"], "about:govrelay:" + kind)
        self.assertEqual(problem["status"], status)
        return headers

    def check_stored(self, message, **fields):
        """MESSAGE is stored and answered with FIELDS. Returns the answer."""
        status, headers, body = self.post(message)
        self.assertEqual(status, 200, body)
        self.assertEqual(headers["content-type"].split(";")[0],
                         "application/json")
        self.assertNotIn("idempotent-replayed", headers)
        answer = json.loads(body)
        self.assertEqual(answer, dict(answer, **fields))
        self.assertIsInstance(answer["message"], str)
        self.assertIn(message.gov_id, self.store.gov_ids())
        return answer


class Requests(Http):
    def test_an_unknown_path_is_404(self):
        for path in ("/", "/api/internal/governance/", "/api/internal/veto",
                     "/api/internal/governance/veto/1", "/../etc/passwd"):
            self.check_problem(self.store.curl(
                path, "--path-as-is", "-H",
                "X-API-Key: " + Receiver.api_key), 404, "not_found")

    def test_a_path_comes_before_the_key(self):
        self.check_problem(self.store.curl("/api/none", body=b"{}"), 404,
                           "not_found")

    def test_a_wrong_method_is_405_and_says_which_would_do(self):
        for method in ("GET", "PUT", "DELETE"):
            headers = self.check_problem(self.store.curl(
                "/api/internal/governance/veto", "-X", method), 405,
                "method_not_allowed")
            self.assertEqual(headers["allow"], "post")
        headers = self.check_problem(self.store.curl(
            "/api/internal/health", body=b"{}"), 405, "method_not_allowed")
        self.assertIn("get", headers["allow"])

    def test_a_missing_key_is_401(self):
        self.check_problem(self.post(sign.veto(self.key), key=False), 401,
                           "unauthorized")

    def test_a_wrong_key_is_401(self):
        for key in ("wrong", Receiver.api_key + "x", Receiver.api_key[:-1]):
            self.check_problem(self.post(
                sign.veto(self.key), "-H", "X-API-Key: " + key, key=False),
                401, "unauthorized")
        self.assertEqual(self.store.gov_ids(), [])

    def test_the_key_comes_before_the_content_type(self):
        self.check_problem(self.post(sign.veto(self.key), key=False,
                                     kind="text/plain"), 401, "unauthorized")

    def test_another_content_type_is_415(self):
        for kind in ("text/plain", "application/jsonx",
                     "application/x-www-form-urlencoded"):
            self.check_problem(self.post(sign.veto(self.key), kind=kind), 415,
                               "unsupported_media_type")

    def test_a_charset_on_the_content_type_is_fine(self):
        status, _, body = self.post(sign.veto(self.key),
                                    kind="Application/JSON; charset=utf-8")
        self.assertEqual(status, 200, body)

    def test_a_body_above_its_limit_is_413(self):
        self.check_problem(self.store.post("veto", b" " * 4097), 413,
                           "too_large")
        self.check_problem(self.store.post("registration", b" " * 65537), 413,
                           "too_large")

    def test_a_body_of_unknown_length_above_its_limit_is_413(self):
        self.check_problem(self.store.post(
            "veto", b" " * 100000, "-H", "Transfer-Encoding: chunked"), 413,
            "too_large")

    def test_a_body_that_is_no_json_is_400(self):
        for body in (b"", b"hello", b"{", b"\xff", b"[]", b"null", b"{}{}"):
            self.check_problem(self.store.post("veto", body), 400,
                               "malformed")

    def test_a_body_against_the_schema_is_400(self):
        message = sign.veto(self.key)
        for wrong in (message.with_fields(pr_id=0),
                      message.with_fields(extra=1),
                      message.with_fields(signal_type="maybe")):
            self.check_problem(self.post(wrong), 400, "schema")

    def test_a_veto_on_the_path_of_registrations_is_400(self):
        self.check_problem(self.store.post(
            "registration", sign.veto(self.key).payload), 400, "schema")

    def test_a_wrong_idempotency_key_is_400(self):
        message = sign.veto(self.key)
        for key in ('"%s"' % ("0" * 64), message.gov_id,
                    '"%s"' % message.gov_id.upper(), "x"):
            self.check_problem(self.post(
                message, "-H", "Idempotency-Key: " + key), 400,
                "idempotency_key")
        self.assertEqual(self.store.gov_ids(), [])

    def test_the_right_idempotency_key_is_fine(self):
        message = sign.veto(self.key)
        status, _, body = self.post(
            message, "-H", 'Idempotency-Key: "%s"' % message.gov_id)
        self.assertEqual(status, 200, body)

    def test_a_timestamp_older_than_30_days_is_422_stale(self):
        self.check_problem(self.post(sign.veto(
            self.key, at=-30 * 86400 - 60)), 422, "stale")

    def test_a_timestamp_within_30_days_is_stored(self):
        self.check_stored(sign.veto(self.key, at=-30 * 86400 + 60))

    def test_a_timestamp_too_far_ahead_is_425_with_retry_after(self):
        headers = self.check_problem(self.post(sign.veto(
            self.key, at=400)), 425, "future")
        self.assertTrue(0 < int(headers["retry-after"]) <= 100)

    def test_a_bad_key_is_422(self):
        message = sign.veto(self.key)
        off = "02" + "00" * 31 + "05"  # x = 5 is on no point
        for key in (self.key.public.upper(), "04" + "11" * 64, off):
            self.check_problem(self.post(message.with_fields(
                public_key=key)), 422, "bad_key")

    def test_a_bad_signature_is_422(self):
        message = sign.veto(self.key)
        for wrong in (message.with_fields(pr_id=7),
                      message.with_fields(signature="ab" * 64),
                      message.with_fields(signature="ab")):
            self.check_problem(self.post(wrong), 422, "bad_signature")
        self.assertEqual(self.store.gov_ids(), [])

    def test_health_needs_no_key(self):
        status, headers, body = self.store.curl("/api/internal/health")
        self.assertEqual(status, 200)
        health = json.loads(body)
        self.assertEqual(health["status"], "ok")
        self.assertIs(health["governance_enabled"], True)
        self.assertIsInstance(health["timestamp"], int)
        self.assertIn("service", health)

    def test_head_is_get_without_its_body(self):
        status, _, body = self.store.curl("/api/internal/health", "--head")
        self.assertEqual((status, body), (200, b""))

    def test_the_refusal_shows_on_the_tap(self):
        message = sign.veto(self.key)
        self.post(message.with_fields(pr_id=7))
        event = self.store.tap.wait("receiver.rejected.econveto")
        self.assertEqual(event["verdict"], "bad_signature")


class Answers(Http):
    def test_a_registration_is_pending_until_an_operator_acts(self):
        answer = self.check_stored(sign.registration(self.key),
                                   status="pending")
        self.assertGreaterEqual(answer["node_id"], 1)

    def test_a_registration_below_the_threshold_is_unqualified(self):
        self.check_stored(sign.registration(self.key, qualification={
            "hashpower_proof": {"percentage": 0.5}}), status="unqualified")

    def test_a_later_registration_of_a_key_is_a_revision(self):
        first = self.check_stored(sign.registration(self.key, at=-10))
        second = self.check_stored(
            sign.registration(self.key, name="Other"), status="revision")
        self.assertEqual(first["node_id"], second["node_id"])
        self.assertEqual(len(self.store.rows("nodes")), 1)

    def test_a_veto_before_its_registration_is_pending(self):
        self.check_stored(sign.veto(self.key, pr=5), pr_id=5,
                          status="pending")

    def test_a_fork_decision_before_its_registration_is_pending(self):
        self.check_stored(sign.fork(self.key, ruleset="r1"), ruleset="r1",
                          status="pending")

    def test_the_same_message_again_gets_the_stored_answer(self):
        for message in (sign.registration(self.key), sign.veto(self.key),
                        sign.fork(self.key)):
            _, _, first = self.post(message)
            status, headers, again = self.post(message)
            self.assertEqual(status, 200)
            self.assertEqual(headers["idempotent-replayed"], "true")
            self.assertEqual(again, first)
        self.assertEqual(len(self.store.gov_ids()), 3)
        self.store.tap.wait("receiver.replayed.econfork")

    def test_a_copy_with_another_node_id_is_the_same_message(self):
        message = sign.veto(self.key)
        self.check_stored(message)
        _, headers, _ = self.post(message.with_fields(node_id=99))
        self.assertEqual(headers["idempotent-replayed"], "true")
        self.assertEqual(len(self.store.gov_ids()), 1)

    def test_ok_is_said_only_after_the_row_is_durable(self):
        messages = [sign.veto(self.key, pr=1 + number)
                    for number in range(5)]
        for message in messages:
            status, _, _ = self.post(message)
            self.assertEqual(status, 200)
        self.store.kill()
        self.store.start()
        self.assertEqual(self.store.gov_ids(), sorted(
            message.gov_id for message in messages))

    def test_an_unknown_node_has_no_status(self):
        query = sign.status_query(self.key.public, request_id=7)
        status, _, body = self.post(query)
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body),
                         {"request_id": 7, "status": None})

    def test_the_status_of_a_node_by_key_and_by_number(self):
        answer = self.check_stored(sign.registration(self.key))
        for kind, what in (("by_public_key", self.key.public),
                           ("by_id", str(answer["node_id"]))):
            query = sign.Message("econstatus", {
                "request_id": 9, "query_type": kind,
                "node_identifier": what})
            status, _, body = self.post(query)
            self.assertEqual(status, 200)
            got = json.loads(body)
            self.assertEqual(got["request_id"], 9)
            self.assertEqual(got["status"]["entity_name"], "Test Pool")
            self.assertEqual(got["status"]["status"], "pending")
            self.assertEqual(got["status"]["weight"], 0.35)

    def test_the_idempotency_key_of_a_query_is_its_name(self):
        query = sign.status_query(self.key.public)
        wrong = self.post(query, "-H", 'Idempotency-Key: "%s"' % ("0" * 64))
        self.check_problem(wrong, 400, "idempotency_key")

    def test_the_audit_is_a_chain(self):
        for message in (sign.registration(self.key), sign.veto(self.key),
                        sign.fork(self.key)):
            self.check_stored(message)
        rows = sorted(self.store.rows("audit"), key=lambda row: row["seq"])
        self.assertGreaterEqual(len(rows), 3)
        for before, row in zip(rows, rows[1:]):
            self.assertEqual(row["previous"], before["hash"])
        self.assertEqual(len({row["hash"] for row in rows}), len(rows))
        self.assertEqual(len(hashlib.sha256().digest()),
                         len(rows[0]["hash"]))


class Active(Http):
    auto_activate = True

    def test_the_vote_of_an_active_node_is_processed(self):
        self.check_stored(sign.registration(self.key), status="active")
        self.check_stored(sign.veto(self.key, pr=3), pr_id=3,
                          status="processed")
        self.check_stored(sign.fork(self.key, ruleset="r"), ruleset="r",
                          status="processed")

    def test_a_vote_that_came_first_counts_once_its_node_is_there(self):
        vote = sign.veto(self.key, pr=3)
        self.check_stored(vote, status="pending")
        self.check_stored(sign.registration(self.key), status="active")
        row, = self.store.rows("signals")
        self.assertEqual(row["outcome"], "processed")
        self.assertEqual(row["node_id"], 1)

    def test_an_older_vote_is_superseded_by_the_newer(self):
        self.check_stored(sign.registration(self.key))
        self.check_stored(sign.veto(self.key, pr=3, signal="support"),
                          status="processed")
        self.check_stored(sign.veto(self.key, pr=3, at=-60),
                          status="superseded")
        in_force = [row for row in self.store.rows("signals")
                    if row["outcome"] != "superseded"]
        self.assertEqual([row["signal_type"] for row in in_force],
                         ["support"])


if __name__ == "__main__":
    unittest.main()
