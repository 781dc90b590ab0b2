"""Whole documents in the shape of many public APIs, with few or no entities: what is edited in them is wrong.

The shapes are the APIs'; names and values are invented. Real entities, such as an author's address, are marked.
"""

# ruff: noqa: E501, E731 - documents are easier to read in long lines

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.quality.cases import ALNUM, JSON, LOWER, UPPER, Case, Maker, may, must, text_case


def documents(rounds: int, seed: int) -> Iterator[Case]:
    """Yield a document of each API, each some times."""
    for at in range(rounds):
        for api, make in APIS.items():
            maker = Maker(f"{seed} {api} {at}")
            made = make(maker)
            if isinstance(made, str):
                yield text_case(api, "document", made)
            else:
                yield text_case(
                    api,
                    "document",
                    json.dumps(made, ensure_ascii=False, indent=maker.chance.choice([None, 1, 2])),
                    JSON,
                )


def _user(m: Maker) -> dict[str, Any]:
    login = m.some(LOWER, 8)
    return {
        "login": login, "id": int(m.number(8)), "node_id": f"MDQ6VXNlcj{m.some(ALNUM, 9)}", "avatar_url": f"https://avatars.example.com/u/{m.number(8)}?v=4", "gravatar_id": "",
        "url": f"https://api.example.com/users/{login}", "events_url": f"https://api.example.com/users/{login}/events{{/privacy}}", "type": "User", "site_admin": False,
    }  # fmt: skip


def _repository(m: Maker) -> dict[str, Any]:
    name = f"{m.some(LOWER, 6)}/{m.some(LOWER, 8)}"
    return {
        "id": int(m.number(9)), "node_id": f"R_kgDO{m.some(ALNUM, 6)}", "full_name": name, "private": False, "owner": _user(m), "html_url": f"https://github.example.com/{name}", "keys_url": f"https://api.example.com/repos/{name}/keys{{/key_id}}",
        "statuses_url": f"https://api.example.com/repos/{name}/statuses/{{sha}}", "created_at": m.time(), "pushed_at": int("17" + m.digits(8)), "git_url": f"git://github.com/{name}.git", "ssh_url": f"git@github.com:{name}.git", "clone_url": f"https://github.com/{name}.git",
        "size": int(m.number(5)), "stargazers_count": int(m.number(4)), "language": "Python", "license": {"key": "apache-2.0", "spdx_id": "Apache-2.0"}, "default_branch": "main", "topics": ["api", "phone", "password-manager"],
    }  # fmt: skip


def github_push(m: Maker) -> Any:
    commit = {
        "id": m.hex(40),
        "tree_id": m.hex(40),
        "distinct": True,
        "message": f"{m.words(8)} (#{m.number(4)})",
        "timestamp": m.time(),
        "author": {
            "name": "Octo",
            "email": must(f"{m.some(LOWER, 6)}@users.noreply.github.com"),
            "username": "octo",
        },
        "added": ["src/password.py", "img/logo@2x.png"],
        "removed": [],
        "modified": ["package.json", f"docs/{m.words(1)}.md"],
    }
    return {
        "ref": f"refs/tags/{m.digits(1)}.{m.digits(1)}.0.{m.digits(1)}",
        "before": m.hex(40),
        "after": m.hex(40),
        "created": False,
        "compare": f"https://github.com/a/b/compare/{m.hex(12)}...{m.hex(12)}",
        "commits": [commit],
        "repository": _repository(m),
        "sender": _user(m),
        "installation": {"id": int(m.number(8)), "node_id": "MDIzOkludGVncmF0aW9u"},
    }


def github_pull_request(m: Maker) -> Any:
    side = lambda: {"label": "a:b", "ref": "main", "sha": m.hex(40), "user": _user(m), "repo": _repository(m)}
    return {
        "action": "opened",
        "number": int(m.number(4)),
        "pull_request": {
            "id": int(m.number(10)),
            "node_id": f"PR_kwDO{m.some(ALNUM, 12)}",
            "diff_url": f"https://github.com/a/b/pull/{m.number(4)}.diff",
            "state": "open",
            "title": "Bump lodash from 4.17.20 to 4.17.21",
            "user": _user(m),
            "body": f"Bumps [lodash](https://github.com/lodash/lodash) from 4.17.20 to 4.17.21.\n\n- [`{m.hex(7)}`](https://github.com/lodash/lodash/commit/{m.hex(40)}) {m.words(5)}\n",
            "created_at": m.time(),
            "merge_commit_sha": m.hex(40),
            "assignees": [_user(m)],
            "head": side(),
            "base": side(),
            "additions": int(m.number(4)),
            "deletions": int(m.number(3)),
        },
    }


def aws_instances(m: Maker) -> Any:
    account = m.digits(12)
    one = lambda: {
        "InstanceId": f"i-{m.hex(17)}",
        "ImageId": f"ami-{m.hex(17)}",
        "State": {"Code": 16, "Name": "running"},
        "KeyName": "deploy-key",
        "AmiLaunchIndex": 0,
        "ClientToken": m.uuid(),
        "InstanceType": "m5.large",
        "LaunchTime": m.time(),
        "SubnetId": f"subnet-{m.hex(17)}",
        "VpcId": f"vpc-{m.hex(8)}",
        "Architecture": "x86_64",
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"AttachTime": m.time(), "VolumeId": f"vol-{m.hex(17)}", "Status": "attached"},
            }
        ],
        "IamInstanceProfile": {
            "Arn": f"arn:aws:iam::{account}:instance-profile/web",
            "Id": f"AIPA{m.some(UPPER, 16)}",
        },
        "NetworkInterfaces": [
            {
                "MacAddress": may(":".join(m.hex(2) for _ in range(6))),
                "OwnerId": account,
                "PrivateIpAddress": must(f"10.0.{m.chance.randint(1, 250)}.{m.chance.randint(1, 250)}"),
                "AttachmentId": f"eni-attach-{m.hex(17)}",
            }
        ],
        "Tags": [{"Key": "Name", "Value": "web-1"}, {"Key": "cost-center", "Value": m.digits(9)}],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    }
    return {
        "Reservations": [
            {
                "ReservationId": f"r-{m.hex(17)}",
                "OwnerId": account,
                "Groups": [],
                "Instances": [one() for _ in range(3)],
            }
        ],
        "NextToken": base64.b64encode(m.chance.randbytes(60)).decode(),
    }


def aws_secrets(m: Maker) -> Any:
    arn = f"arn:aws:secretsmanager:eu-west-1:{m.digits(12)}:secret:prod/Database-{m.some(ALNUM, 6)}"
    return {
        "SecretList": [
            {
                "ARN": arn,
                "Name": "prod/Database",
                "RotationEnabled": True,
                "RotationLambdaARN": f"arn:aws:lambda:eu-west-1:{m.digits(12)}:function:rotate",
                "LastChangedDate": f"17{m.digits(8)}.{m.digits(3)}",
                "SecretVersionsToStages": {m.uuid(): ["AWSCURRENT"], m.uuid(): ["AWSPREVIOUS"]},
                "KmsKeyId": f"arn:aws:kms:eu-west-1:{m.digits(12)}:key/{m.uuid()}",
            }
        ],
        "NextToken": m.some(ALNUM, 44),
    }


def aws_waf_logs(m: Maker) -> Any:
    return {
        "ChangeToken": m.uuid(),
        "ByteMatchSet": {"ByteMatchSetId": m.uuid(), "Name": "a"},
        "events": [
            {
                "timestamp": int("17" + m.digits(11)),
                "message": f"START RequestId: {m.uuid()} Version: $LATEST",
                "ingestionTime": int("17" + m.digits(11)),
            }
        ],
        "nextForwardToken": f"f/{m.digits(56)}/s",
        "nextBackwardToken": f"b/{m.digits(56)}/s",
        "QueryExecutionId": m.uuid(),
        "LifecycleActionToken": m.uuid(),
        "taskDefinitionArn": f"arn:aws:ecs:us-east-1:{m.digits(12)}:task-definition/app:{m.digits(2)}",
    }


def kubernetes_pods(m: Maker) -> Any:
    name = f"web-{m.hex(10)}-{m.some(LOWER, 5)}"
    pod = {
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": m.uuid(),
            "resourceVersion": m.number(9),
            "creationTimestamp": m.time(),
            "labels": {"app": "web", "pod-template-hash": m.hex(10)},
            "annotations": {
                "checksum/config": m.hex(64),
                "checksum/secret": m.hex(64),
                "prometheus.io/port": "9090",
            },
        },
        "spec": {
            "volumes": [
                {
                    "name": f"kube-api-access-{m.some(LOWER, 5)}",
                    "projected": {
                        "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]
                    },
                },
                {"name": "creds", "secret": {"secretName": "db-credentials", "defaultMode": 420}},
            ],
            "containers": [
                {
                    "name": "web",
                    "image": f"registry.example.com/web:1.2.3.{m.digits(1)}",
                    "env": [
                        {
                            "name": "DB_PASSWORD",
                            "valueFrom": {"secretKeyRef": {"name": "db-credentials", "key": "password"}},
                        },
                        {"name": "PASSWORD_FILE", "value": "/run/secrets/password"},
                        {"name": "MODE", "value": "live"},
                    ],
                    "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}},
                    "imagePullPolicy": "IfNotPresent",
                }
            ],
            "imagePullSecrets": [{"name": "regcred"}],
            "automountServiceAccountToken": True,
            "nodeName": f"node-{m.digits(3)}",
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {
                    "containerID": f"containerd://{m.hex(64)}",
                    "imageID": f"registry.example.com/web@sha256:{m.hex(64)}",
                    "restartCount": 0,
                }
            ],
            "podIP": must(f"10.1.{m.chance.randint(1, 250)}.{m.chance.randint(1, 250)}"),
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "PodList",
        "metadata": {"resourceVersion": m.number(9), "continue": m.some(ALNUM, 60)},
        "items": [pod],
    }


def kubernetes_yaml(m: Maker) -> str:
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  uid: {m.uuid()}
  annotations:
    deployment.kubernetes.io/revision: "{m.digits(2)}"
    checksum/secret: {m.hex(64)}
spec:
  replicas: 3
  template:
    spec:
      serviceAccountName: web
      containers:
      - name: web
        image: ghcr.io/acme/web@sha256:{m.hex(64)}
        args: ["--token-ttl=3600", "--password-file=/etc/web/password", "--listen=0.0.0.0:8080"]
        env:
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef: {{name: db, key: password}}
        - name: SESSION_SECRET_NAME
          value: web-session
      volumes:
      - name: tls
        secret:
          secretName: web-tls
"""


def stripe_charges(m: Maker) -> Any:
    one = lambda: {
        "id": f"ch_{m.some(ALNUM, 24)}",
        "object": "charge",
        "amount": int(m.number(5)),
        "balance_transaction": f"txn_{m.some(ALNUM, 24)}",
        "created": int("17" + m.digits(8)),
        "currency": "eur",
        "customer": f"cus_{m.some(ALNUM, 14)}",
        "invoice": f"in_{m.some(ALNUM, 24)}",
        "payment_intent": f"pi_{m.some(ALNUM, 24)}",
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "exp_month": 12,
                "exp_year": 2030,
                "fingerprint": m.some(ALNUM, 16),
                "last4": m.digits(4),
                "checks": {"cvc_check": "pass"},
                "network": "visa",
            },
            "type": "card",
        },
        "receipt_url": f"https://pay.example.com/receipts/acct_{m.some(ALNUM, 16)}/ch_{m.some(ALNUM, 24)}/rcpt_{m.some(ALNUM, 30)}",
        "statement_descriptor": "ACME 12345",
        "hosted_invoice_url": f"https://invoice.example.com/i/acct_{m.some(ALNUM, 16)}/test_{m.some(ALNUM, 40)}",
        "metadata": {"order_id": m.digits(10)},
    }
    return {"object": "list", "url": "/v1/charges", "has_more": True, "data": [one() for _ in range(4)]}


def slack_messages(m: Maker) -> Any:
    one = lambda: {
        "type": "message",
        "user": f"U0{m.some(UPPER, 9)}",
        "text": f"<@U0{m.some(UPPER, 9)}> {m.words(8)} <https://example.com/{m.digits(9)}|link>",
        "ts": f"17{m.digits(8)}.{m.digits(6)}",
        "thread_ts": f"17{m.digits(8)}.{m.digits(6)}",
        "client_msg_id": m.uuid(),
        "team": f"T0{m.some(UPPER, 9)}",
        "blocks": [{"type": "rich_text", "block_id": m.some(ALNUM, 5)}],
        "reactions": [{"name": "phone", "count": 2}],
    }
    return {
        "ok": True,
        "messages": [one() for _ in range(5)],
        "has_more": True,
        "pin_count": 0,
        "channel_actions_ts": None,
        "response_metadata": {"next_cursor": base64.b64encode(f"next_ts:17{m.digits(14)}".encode()).decode()},
    }


def jira_issues(m: Maker) -> Any:
    one = lambda: {
        "id": m.number(5),
        "key": f"APP-{m.number(4)}",
        "self": f"https://example.atlassian.net/rest/api/3/issue/{m.number(5)}",
        "fields": {
            "summary": f"Reset password page {m.words(4)}",
            "issuetype": {"id": "10001", "avatarId": 10315},
            "customfield_10020": [{"id": 12, "name": "Sprint 12", "boardId": 4}],
            "customfield_10019": "0|i000" + m.some(LOWER, 2) + ":",
            "created": f"2026-01-02T10:11:12.{m.digits(3)}+0100",
            "assignee": {"accountId": f"{m.digits(6)}:{m.uuid()}", "displayName": "Sam"},
            "timeoriginalestimate": int(m.number(5)),
            "description": {
                "type": "doc",
                "version": 1,
                "content": [
                    {
                        "type": "paragraph",
                        "content": [
                            {"type": "text", "text": f"{m.words(12)} v1.2.3.{m.digits(1)} build {m.number(5)}"}
                        ],
                    }
                ],
            },
        },
    }
    return {
        "expand": "schema,names",
        "startAt": 0,
        "maxResults": 50,
        "total": int(m.number(4)),
        "issues": [one() for _ in range(4)],
    }


def google_bigquery(m: Maker) -> Any:
    rows = [
        {"f": [{"v": m.number(9)}, {"v": f"1.7{m.digits(8)}E9"}, {"v": m.words(2)}, {"v": f"{m.chance.random()}"}]}
        for _ in range(12)
    ]
    return {
        "kind": "bigquery#queryResponse",
        "schema": {
            "fields": [
                {"name": "order_id", "type": "INTEGER", "mode": "NULLABLE"},
                {"name": "created", "type": "TIMESTAMP"},
                {"name": "label", "type": "STRING"},
                {"name": "score", "type": "FLOAT"},
            ]
        },
        "jobReference": {"projectId": "acme-prod", "jobId": f"job_{m.some(ALNUM, 28)}", "location": "EU"},
        "totalRows": m.number(5),
        "pageToken": m.some(ALNUM, 40) + "=",
        "rows": rows,
        "totalBytesProcessed": m.number(12),
        "jobComplete": True,
        "cacheHit": False,
    }


def google_drive(m: Maker) -> Any:
    one = lambda: {
        "kind": "drive#file",
        "id": f"1{m.some(ALNUM + '-_', 43)}",
        "name": f"Budget {m.digits(4)}.xlsx",
        "mimeType": "application/vnd.ms-excel",
        "md5Checksum": m.hex(32),
        "sha256Checksum": m.hex(64),
        "size": m.number(8),
        "createdTime": m.time(),
        "version": m.number(6),
        "headRevisionId": f"0B{m.some(ALNUM, 40)}",
        "parents": [f"0A{m.some(ALNUM, 17)}"],
    }
    return {
        "kind": "drive#fileList",
        "incompleteSearch": False,
        "nextPageToken": f"~!!~{m.some(ALNUM, 80)}",
        "files": [one() for _ in range(6)],
    }


def azure_vm(m: Maker) -> Any:
    scope = f"/subscriptions/{m.uuid()}/resourceGroups/rg-app/providers"
    return {
        "value": [
            {
                "name": "vm1",
                "id": f"{scope}/Microsoft.Compute/virtualMachines/vm1",
                "type": "Microsoft.Compute/virtualMachines",
                "location": "westeurope",
                "properties": {
                    "vmId": m.uuid(),
                    "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
                    "storageProfile": {
                        "imageReference": {
                            "publisher": "MicrosoftWindowsServer",
                            "offer": "WindowsServer",
                            "sku": "2022-datacenter",
                            "version": f"20348.{m.digits(4)}.{m.digits(6)}",
                        },
                        "osDisk": {
                            "name": f"vm1_OsDisk_1_{m.hex(32)}",
                            "managedDisk": {"id": f"{scope}/Microsoft.Compute/disks/d{m.hex(8)}"},
                        },
                    },
                    "osProfile": {
                        "computerName": "vm1",
                        "adminUsername": "azureuser",
                        "secrets": [],
                        "linuxConfiguration": {
                            "disablePasswordAuthentication": True,
                            "ssh": {
                                "publicKeys": [
                                    {
                                        "path": "/home/azureuser/.ssh/authorized_keys",
                                        "keyData": f"ssh-rsa AAAAB3NzaC1yc2E{m.some(ALNUM + '+/', 200)}",
                                    }
                                ]
                            },
                        },
                    },
                    "networkProfile": {
                        "networkInterfaces": [
                            {"id": f"{scope}/Microsoft.Network/networkInterfaces/nic{m.digits(3)}"}
                        ]
                    },
                    "provisioningState": "Succeeded",
                    "timeCreated": f"2026-01-02T10:11:12.{m.digits(7)}+00:00",
                },
                "etag": f'W/"{m.uuid()}"',
                "resources": [
                    {
                        "apiVersion": "2023-03-01",
                        "parameters": {
                            "adminPassword": {
                                "type": "securestring",
                                "metadata": {"description": "Password for the Virtual Machine."},
                            },
                            "token": {"value": "[parameters('adminPassword')]"},
                        },
                    }
                ],
            }
        ],
        "nextLink": f"https://management.azure.com{scope}?api-version=2023-03-01&$skiptoken={m.some(ALNUM, 60)}",
    }


def fhir_observation(m: Maker) -> Any:
    entry = lambda: {
        "fullUrl": f"urn:uuid:{m.uuid()}",
        "resource": {
            "resourceType": "Observation",
            "id": m.uuid(),
            "meta": {"versionId": "1", "lastUpdated": f"2026-01-02T10:11:12.{m.digits(3)}+01:00"},
            "status": "final",
            "code": {
                "coding": [
                    {
                        "system": "http://loinc.org",
                        "code": f"{m.number(5)}-{m.digits(1)}",
                        "display": "Body weight",
                    },
                    {"system": "http://snomed.info/sct", "code": m.number(9)},
                ]
            },
            "subject": {"reference": f"Patient/{m.uuid()}"},
            "effectiveDateTime": m.time(),
            "valueQuantity": {
                "value": float(f"{m.number(2)}.{m.digits(14)}"),
                "unit": "kg",
                "system": "http://unitsofmeasure.org",
            },
            "component": [
                {
                    "valueSampledData": {
                        "origin": {"value": 0},
                        "period": 10,
                        "dimensions": 1,
                        "data": " ".join(m.number(4) for _ in range(40)),
                    }
                }
            ],
            "identifier": [{"system": "https://example.org/orders", "value": m.number(10)}],
        },
    }
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 3,
        "link": [{"relation": "next", "url": f"https://fhir.example.org?_getpages={m.uuid()}&_count=10"}],
        "entry": [entry() for _ in range(3)],
    }


def openapi(m: Maker) -> str:
    return f"""openapi: 3.0.3
info:
  title: Accounts
  version: 1.2.0.{m.digits(1)}
paths:
  /login:
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [username, password]
              properties:
                username: {{type: string, example: bob}}
                password: {{type: string, format: password, minLength: 12}}
                phone_number: {{type: string, pattern: '^[0-9]{{7,15}}$'}}
                pin: {{type: string, maxLength: 6}}
      responses:
        '200':
          description: The session's token
          headers:
            X-Rate-Limit: {{schema: {{type: integer}}}}
components:
  securitySchemes:
    ApiKeyAuth: {{type: apiKey, in: header, name: X-API-Key}}
    OAuth: {{type: oauth2, flows: {{clientCredentials: {{tokenUrl: 'https://login.example.com/oauth/token', scopes: {{}}}}}}}}
  schemas:
    Order: {{properties: {{id: {{type: integer, format: int64, example: {m.number(10)}}}, iban: {{type: string, maxLength: 34}}, ssn_last4: {{type: string}}}}}}
"""


def sql_result(m: Maker) -> str:
    rows = "\n".join(
        f" {m.number(9)} | {m.uuid()} | {m.number(5)}.{m.digits(2)} | 2026-01-{m.chance.randint(10, 28)} 10:11:12.{m.digits(6)}+00 | {m.number(10)} | {m.words(1)}"
        for _ in range(20)
    )
    return f" id | uuid | total | created_at | bytes | state\n----+------+-------+------------+-------+------\n{rows}\n(20 rows)\n"


def sql_rows(m: Maker) -> Any:
    return {
        "columns": ["id", "sku", "created_ms", "total", "hash"],
        "rows": [
            [
                int(m.number(9)),
                m.digits(13),
                int("17" + m.digits(11)),
                float(f"{m.number(4)}.{m.digits(2)}"),
                m.hex(32),
            ]
            for _ in range(20)
        ],
        "rowCount": 20,
        "command": "SELECT",
        "elapsed_ns": int(m.number(11)),
    }


def access_log(m: Maker) -> str:
    return "".join(
        f'- - [02/Jan/2026:10:11:{m.chance.randint(10, 59)} +0000] "GET /v1/items/{m.number(9)}?page={m.digits(1)}&per_page=100 HTTP/1.1" 200 {m.number(5)} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{m.chance.randint(90, 140)}.0.{m.number(4)}.{m.number(2)} Safari/537.36" rt=0.{m.digits(3)} id={m.hex(32)} trace={m.hex(32)}-{m.hex(16)}-01\n'
        for _ in range(15)
    )


def application_log(m: Maker) -> str:
    return "".join(
        f"2026-01-02 10:11:{m.chance.randint(10, 59)},{m.digits(3)} INFO [pool-{m.digits(1)}-thread-{m.digits(2)}] c.e.app.Order{m.digits(2)} - order={m.number(10)} took {m.number(4)}ms token bucket refilled tokens={m.number(4)} session={m.uuid()[:8]} gc {m.number(6)}K->{m.number(5)}K({m.number(7)}K)\n"
        f"    at com.example.app.Password.check(Password.java:{m.number(3)}) ~[app-1.2.3.{m.digits(1)}.jar!/:1.2.3.{m.digits(1)}]\n"
        for _ in range(12)
    )


def csv_export(m: Maker) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [
            ["order_id", "sku", "ean", "quantity", "price", "created_at", "phone_model", "card_brand"],
            *(
                [
                    m.number(10),
                    m.some(UPPER, 3) + m.digits(6),
                    m.number(13),
                    m.number(2),
                    f"{m.number(3)}.{m.digits(2)}",
                    m.time(),
                    f"SM-G{m.digits(3)}",
                    "visa",
                ]
                for _ in range(20)
            ),
        ]
    )
    return out.getvalue()


def html_page(m: Maker) -> str:
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="csrf-param" content="authenticity_token"><title>{m.words(3)}</title>
<link rel="stylesheet" href="/assets/app-{m.hex(64)}.css" integrity="sha384-{m.some(ALNUM + "+/", 64)}" crossorigin="anonymous">
<script src="/_next/static/chunks/{m.number(4)}-{m.hex(16)}.js" nonce="{m.some(ALNUM, 22)}"></script></head>
<body><form action="/login" method="post"><label for="password">Password</label><input type="password" id="password" name="password" placeholder="at least 12 characters" autocomplete="current-password"></form>
<table><tr><th>Id</th><th>Size</th><th>Count</th></tr>{"".join(f"<tr><td>{m.number(8)}</td><td>{m.number(9)}</td><td>{m.number(10)}</td></tr>" for _ in range(6))}</table>
<img srcset="/img/hero@2x.png 2x, /img/hero@3x.png 3x" src="/img/hero.png"><svg viewBox="0 0 24 24"><path d="M12 2C6.48 2 2 6.48 2 12s4.48 10 10 10 10-4.48 10-10S17.52 2 12 2z"/></svg>
<p>{m.words(30)}. Call us between 9 and 17. Order no. {m.number(9)}.</p></body></html>"""


def markdown_page(m: Maker) -> str:
    return f"""# Release 4.0.0.{m.digits(1)}

- Passwords: a policy may ask for {m.digits(2)} characters ([#{m.number(5)}](https://github.com/a/b/pull/{m.number(5)}), `{m.hex(7)}`)
- `npm install lodash@4.17.{m.digits(2)} @types/node@20.{m.digits(2)}.1`, or `git clone git@github.com:acme/app.git`
- set `API_KEY=<your key>`, `DB_PASSWORD=${{DB_PASSWORD}}`, and run `curl -H "Authorization: Bearer $TOKEN" https://api.example.com/v1`

| size | rows | p50 | p99 |
| ---: | ---: | --- | --- |
| {m.number(7)} | {m.number(8)} | {m.number(3)} | {m.number(4)} |
| {m.number(8)} | {m.number(9)} | {m.number(3)} | {m.number(4)} |

sha256: `{m.hex(64)}`  [![ci](https://img.example.com/badge/{m.hex(8)}.svg)](https://ci.example.com/{m.number(9)})
{m.words(40)}.
"""


def numeric_table(m: Maker) -> str:
    return (
        "\n".join(
            "  ".join(f"{m.chance.randint(0, 10 ** m.chance.randint(1, 9)):>9}" for _ in range(8))
            for _ in range(30)
        )
        + "\n"
        + "\n".join(" ".join(m.digits(2) for _ in range(12)) for _ in range(20))
        + "\n"
    )


def lock_file(m: Maker) -> Any:
    name = lambda: f"node_modules/{m.some(LOWER, 7)}"
    return {
        "name": "app",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {
            name(): {
                "version": f"{m.digits(1)}.{m.digits(2)}.{m.digits(1)}",
                "resolved": f"https://packages.example.com/{m.some(LOWER, 7)}/-/{m.some(LOWER, 7)}-{m.digits(1)}.{m.digits(2)}.{m.digits(1)}.tgz",
                "integrity": f"sha512-{m.some(ALNUM + '+/', 86)}==",
                "dependencies": {"tslib": "^2.0.0", "@babel/core": "7.1.0", "js-tokens": "^4.0.0"},
            }
            for _ in range(15)
        },
    }


def graphql(m: Maker) -> Any:
    return {
        "data": {
            "viewer": {
                "repositories": {
                    "totalCount": int(m.number(3)),
                    "pageInfo": {"hasNextPage": True, "endCursor": f"Y3Vyc29yOnYyOp{m.some(ALNUM, 24)}"},
                    "edges": [
                        {
                            "cursor": m.some(ALNUM, 20),
                            "node": {
                                "id": f"R_kgDO{m.some(ALNUM, 6)}",
                                "databaseId": int(m.number(9)),
                                "sshUrl": "git@github.com:acme/app.git",
                                "pushedAt": m.time(),
                                "secretScanning": {"status": "enabled"},
                            },
                        }
                        for _ in range(8)
                    ],
                }
            }
        },
        "extensions": {"cost": {"requestedQueryCost": 12, "throttleStatus": {"maximumAvailable": 1000}}},
    }


def openai_chat(m: Maker) -> Any:
    return {
        "id": f"chatcmpl-{m.some(ALNUM, 29)}",
        "object": "chat.completion",
        "created": int("17" + m.digits(8)),
        "model": "gpt-4o-2024-08-06",
        "system_fingerprint": f"fp_{m.hex(10)}",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": f"{m.words(40)}. To reset a password, open the settings. The total is {m.number(2)} {m.number(3)} {m.number(3)} tonnes.",
                    "tool_calls": [
                        {
                            "id": f"call_{m.some(ALNUM, 24)}",
                            "type": "function",
                            "function": {"name": "get_order", "arguments": json.dumps({"order_id": m.number(9)})},
                        }
                    ],
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": int(m.number(3)),
            "completion_tokens": int(m.number(3)),
            "total_tokens": int(m.number(4)),
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def embeddings(m: Maker) -> Any:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [m.chance.gauss(0, 0.02) for _ in range(120)]}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }


def geojson(m: Maker) -> Any:
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": m.number(10),
                "geometry": {
                    "type": "LineString",
                    "coordinates": [[m.chance.uniform(-180, 180), m.chance.uniform(-90, 90)] for _ in range(20)],
                },
                "properties": {"osm_id": int(m.number(9)), "name": "Rua do Carmo", "maxspeed": "50"},
            }
            for _ in range(3)
        ],
    }


def terraform_state(m: Maker) -> Any:
    return {
        "version": 4,
        "terraform_version": "1.9.5",
        "serial": int(m.number(3)),
        "lineage": m.uuid(),
        "resources": [
            {
                "mode": "managed",
                "type": "aws_lambda_function",
                "name": "rotate",
                "instances": [
                    {
                        "schema_version": 0,
                        "attributes": {
                            "arn": f"arn:aws:lambda:eu-west-1:{m.digits(12)}:function:rotate",
                            "source_code_hash": m.some(ALNUM + "+/", 43) + "=",
                            "source_code_size": int(m.number(7)),
                            "kms_key_arn": "",
                            "timeout": 30,
                            "master_user_secret": [],
                            "manage_master_user_password": None,
                            "password_wo_version": None,
                            "qualified_arn": f"arn:aws:lambda:eu-west-1:{m.digits(12)}:function:rotate:$LATEST",
                        },
                        "sensitive_attributes": [[{"type": "get_attr", "value": "password"}]],
                        "private": "bnVsbA==",
                    }
                ],
            }
        ],
    }


APIS: dict[str, Callable[[Maker], Any]] = {
    "GitHub push": github_push, "GitHub pull request": github_pull_request, "AWS instances": aws_instances, "AWS secrets": aws_secrets, "AWS tokens and logs": aws_waf_logs, "Kubernetes pods": kubernetes_pods,
    "Kubernetes YAML": kubernetes_yaml, "Stripe": stripe_charges, "Slack": slack_messages, "Jira": jira_issues, "BigQuery": google_bigquery, "Google Drive": google_drive, "Azure": azure_vm, "FHIR": fhir_observation,
    "OpenAPI": openapi, "SQL result": sql_result, "SQL rows": sql_rows, "access log": access_log, "application log": application_log, "CSV export": csv_export, "HTML": html_page, "markdown": markdown_page, "numeric table": numeric_table,
    "package lock": lock_file, "GraphQL": graphql, "chat completion": openai_chat, "embeddings": embeddings, "GeoJSON": geojson, "Terraform state": terraform_state,
}  # fmt: skip
"""Documents by API."""
