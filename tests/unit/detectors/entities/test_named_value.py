"""NAMED_SECRET, PERSON, STREET_ADDRESS: a value goes as a whole under a name that tells, and stays under others."""

import pytest

from extproc.detectors.analyzer import Analyzer

ANALYZER = Analyzer()
SECRETS = [
    ("password", "Tr0ub4dor&3"),
    ("password", "two words, with marks!"),
    ("password", "hunter2"),
    ("password", "secret"),
    ("PASSWORD", "changeme"),
    ("userPassword", "$ecret12"),
    ("Passwort", "geheim"),
    ("mot_de_passe", "azerty"),
    ("contraseña", "clave"),
    ("senha", "abc"),
    ("wachtwoord", "welkom"),
    ("hasło", "kot"),
    ("パスワード", "ねこ"),
    ("密码", "mima"),
    ("api_key", "qWeRtYuIoPaSdFgHjK1l"),
    ("client_secret", "x"),
    ("pin", "4931"),
    ("cvv", "123"),
    ("authorization", "Bearer abc"),
    ("session_id", "s1"),
    ("signingKey", "k"),
    ("AccountKey", "a=="),
    ("pass", "word"),
    ("wifi_psk", "two words"),
    ("requirepass", "x"),
    ("securityAnswer", "Rex"),
    ("clientAssertion", "x"),
    ("code_verifier", "x"),
    ("db_creds", "x"),
    ("verificationCode", "493177"),
    ("totp_code", "493177"),
    ("secretValue", "x"),
    ("enable_password", "s3cret"),
    ("enable_secret", "cisco"),
    ("use_password", "x7!k"),
    ("changePassword", "hunter2"),
    ("require_password", "p@ss"),
    ("clave_secreta", "gato"),
    ("clave_acceso", "gato"),
    ("device_code", "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"),
    ("proxy_auth", "bob:hunter2"),
    ("test_pass", "word"),
    ("db_pass", "first"),
]
NO_SECRETS = [
    ("password", ""),
    ("password", "  "),
    ("password", "true"),
    ("password", "null"),
    ("password", "********"),
    ("password", "•••••"),
    ("password", "${DB_PASSWORD}"),
    ("password", "$DB_PASSWORD"),
    ("password", "{{ .Values.password }}"),
    ("password", "%PASSWORD%"),
    ("password", "<password>"),
    ("password", "your-password-here"),
    ("secret", "https://vault.example.com/v1/x"),
    ("secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"),
    ("secret", "projects/p/secrets/db/versions/1"),
    ("password_policy", "strong"),
    ("password_id", "7f3a"),
    ("api_key_status", "active"),
    ("passwordExpiresAt", "2026-11-29"),
    ("secret_url", "x"),
    ("pin", "GPIO"),
    ("pinned", "4931"),
    ("PWD", "/home/ci/build"),
    ("secretary", "Ann"),
    ("compass", "north"),
    ("pass", "12"),
    ("verificationCode", "EXPIRED"),
    ("creditValue", "1200"),
    ("basic_auth", "true"),
    ("security_answer_hint", "a dog"),
    *(("enable_password", value) for value in ("true", "yes", "1", "always", "on", "86400", "Enable password")),
    *(
        ("change_password", value)
        for value in ("Change password", "Change?", "/account/password", "change-form", "v2")
    ),
    ("is_password", "s3cret"),
    ("password_hash", "argon2id"),
    ("password_hash_algorithm", "sha256"),
    ("proxy_auth", "ntlm"),
    ("device_code", "TH-100"),
    ("password", "\\N"),
    ("pin", "\\N"),
    ("clave", "MX01"),
    ("clave_producto", "A-77"),
    ("claveProdServ", "01010101"),
    ("boarding_pass", "ABC12"),
    ("customer_boarding_pass", "ABC12"),
    ("condition to pass", "green"),
    ("low_pass", "butter"),
    ("pass", "all"),
    ("pass", "3 of 4"),
    ("secret_question", "pet?"),
    ("secretQuestion", "What is your pet's name?"),
    ("merchant_token", "6GSNWH6D3RZ9H"),
    ("x_api_key", "api_key"),
]
IN_TEXT = [
    ("POSTGRES_PASSWORD=hunter2", "hunter2"),
    ("export DB_PASSWORD=letmein\n", "letmein"),
    ("[db]\nuser = app\npassword = letmein\nhost = x", "letmein"),
    ("db:\n  password: letmein\n  host: x", "letmein"),
    ("password: 'two words'", "two words"),
    ('{"password": "two words", "x": 1', "two words"),
    ("{'api_key': 'abc def'}", "abc def"),
    ("connect(user='app', password='letmein')", "letmein"),
    ("login with password=hunter2 and user=bob", "hunter2"),
    ("mysql --password hunter2 -h x", "hunter2"),
    ("tool --api-key=k3y", "k3y"),
    ("<config><password>letmein</password></config>", "letmein"),
    ('<add key="DbPassword" value="let me in"/>', "let me in"),
    ("<key>Password</key>\n  <string>letmein</string>", "letmein"),
    ("my password is hunter2, thanks", "hunter2"),
    ('password = "not closed', "not closed"),
    ("login api_key=abc role=admin", "abc"),
    ("client_secret=abc&x=1", "abc"),
    ("api_key: abc, role: admin", "abc"),
    ("Client Secret: abc", "abc"),
    ("Your password: swordfish", "swordfish"),
    ("User: bob Password: swordfish", "swordfish"),
    ("login bob, password: swordfish, ok", "swordfish"),
    ("passphrase: correct horse battery staple\nx: 1", "correct horse battery staple"),
    ("- name: DB_PASSWORD\n  value: letmein\n", "letmein"),
    ("**Password:** swordfish", "swordfish"),
    (
        "mnemonic: apple bear cat dog eel fox goat hen ibis jay koala lion\n",
        "apple bear cat dog eel fox goat hen ibis jay koala lion",
    ),
    ("accesskey=AB", "AB"),
    ("https://x.example/a?access_token=abc123&page=2", "abc123"),
    ('<https://x.example/a?api_key=abc>; rel="next"', "abc"),
    ("https://x.example/?page=2&user.password=abc", "abc"),
    ("https://x.example/#refresh_token=abc", "abc"),
    ("see: https://x.example/cb?client_secret=abc", "abc"),
    ("kubectl create secret generic db --from-literal=password=letmein", "letmein"),
    ("helm install --set=auth.rootPassword=letmein x", "letmein"),
    ("DEBUG:password=letmein", "letmein"),
    ("docker run --env=DB_PASSWORD=hunter2 x", "hunter2"),
    ("java -Dset=db.password=hunter2 x", "hunter2"),
    ("login failed for bob with password hunter2", "hunter2"),
    ("set password hunter2\n", "hunter2"),
    ('password "Tr0ub4dor&3"', "Tr0ub4dor&3"),
    ("requirepass f00!bar", "f00!bar"),
    ("Use the passphrase c0rrect-Horse, please", "c0rrect-Horse"),
    ("The password for bob is hunter2.", "hunter2"),
    ("Das Passwort lautet hunter2", "hunter2"),
    ("Le mot de passe est hunter2", "hunter2"),
    ("La clave de acceso es hunter2", "hunter2"),
    ("<password><![CDATA[let me in]]></password>", "let me in"),
    ("<p>Password: <b>hunter2</b></p>", "hunter2"),
    ("<p><strong>Password:</strong> hunter2<br></p>", "hunter2"),
    ("<strong>Temporary password</strong>: <code>hunter2</code>", "hunter2"),
    ("<p>Password:<br/>hunter2</p>", "hunter2"),
    ("<dl><dt>Password</dt>\n<dd class='x'>hunter2</dd></dl>", "hunter2"),
    ("<tr><td>Password</td><td>hunter2</td></tr>", "hunter2"),
    ('<entry name="db.password" type="string">hunter2</entry>', "hunter2"),
    ("<param name='api_key'><value>hunter2</value></param>", "hunter2"),
]
STAYS_IN_TEXT = [
    "Your password: must be 8 characters long.",
    "password: required",
    "password: string",
    "def login(password: str = None): pass",
    "password = get_password()",
    "password = os.environ['PASSWORD']",
    "password = self.config.password",
    "secret: ${SECRET}",
    "Forgot your password? Reset it here.",
    "password=",
    "arn:aws:secretsmanager:us-east-1:642097153713:secret:a-cGv7w9",
    "is_password=true",
    "password_policy=strong1",
    "Password: must be long, and have marks",
    "connect(user=app, password=pw)",
    "authType: api_key\nmodel: gpt-4o-2024-08-06",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf",
    "https://x.example/?token_type=bearer&grant_type=password",
    "https://x.example/?api_key={api_key}&q=password",
    "https://x.example/?access_token=${TOKEN}",
    "https://x.example/a?next=/login?password_reset=1",
    'Bearer realm="example", error="invalid_token"',
    'Bearer realm="mcp", scope="openid password", resource_metadata="https://x.example/a"',
    'DPoP realm="x", algs="ES256 PS256"',
    "<input value='letmein' name='user'><label for='password'>",
    "<option value='2' name='password_policy'>",
    "password:\n  type: string\n  minLength: 8",
    "secrets:\n  db_password1:\n    file: x",
    "secrets:\n  - DB_PASSWORD_1\n  - API_KEY_2",
    "the password md5 hash, password SHA-256, password bcrypt2",
    "reset password 2026-11-29T10:00:00Z",
    "2026-11-29 changed password 10:00:00",
    "the password expires in 90 days, password 90days",
    "delete password 4f6b0a54-901e-0063-2a3b-0123456789ab",
    "see password field1 and password file2.txt and password reset_2",
    "password pw-policy-2 was created",
    "the secret db1creds was not found",
    "the password policy is Strict1",
    "password v2.1 and passwords step2",
    "the key to success is Nr1",
    "password a1()",
    "<p>Password: <b>required</b></p><a>Forgot password?</a> <b>Sign1</b>",
    "<ul><li>Password</li><li>Level2</li></ul>",
    '<string name="password">Password</string><a name="password">The password</a>',
    "<label>Password:</label> <input type='password' id='p1'>",
    "<dt>Password policy</dt><dd>Strict1</dd>",
    "<tr><th>Password</th><th>Role2</th></tr>",
    "Password:\nMust have 8 characters",
    "Password:\nrequired\n",
    "Enter the password:\nhttps://example.com/v1",
    "secret:\n  ${SECRET_1}\n",
    "password:\n  os.environ.X1\n",
]


@pytest.mark.parametrize(("key", "value"), SECRETS)
def test_a_value_goes_whatever_it_looks_like(key, value):
    assert (0, len(value), "NAMED_SECRET") in ANALYZER.scan(value, lambda: f"user\n{key}")


@pytest.mark.parametrize(("key", "value"), NO_SECRETS)
def test_what_is_no_secret_stays(key, value):
    assert ANALYZER.scan(value, lambda: key) == []


@pytest.mark.parametrize(("text", "value"), IN_TEXT)
def test_a_value_in_text(text, value):
    at = text.rindex(value)
    assert (at, at + len(value), "NAMED_SECRET") in ANALYZER.scan(text)


@pytest.mark.parametrize("text", STAYS_IN_TEXT)
def test_code_and_prose_stay(text):
    assert ANALYZER.scan(text) == []


@pytest.mark.parametrize(
    ("key", "value", "entity"),
    [
        ("first_name", "Bob", "PERSON"),
        ("Nachname", "Müller", "PERSON"),
        ("姓名", "张三", "PERSON"),
        ("street", "12 Sample Road", "STREET_ADDRESS"),
        ("Straße", "Musterweg 3", "STREET_ADDRESS"),
        ("住所", "東京都千代田区1-1", "STREET_ADDRESS"),
        ("last_name", 'Robert "Bob" Smith', "PERSON"),
        ("surname", "van\nDyke", "PERSON"),
        ("patient_name", "DOE^JOHN^A", "PERSON"),
        ("account_holder_name", "Jenny Rosen", "PERSON"),
        ("accountHolderName", "Jenny Rosen", "PERSON"),
        ("recipient_name", "Jenny Rosen", "PERSON"),
        ("fname", "Jenny", "PERSON"),
        ("lname", "St.John", "PERSON"),
        ("real_name_normalized", "Jenny Rosen", "PERSON"),
        ("password_hash", "5f4dcc3b5aa765d61d8327deb882cf99", "PASSWORD_HASH"),
        ("passwordDigest", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", "PASSWORD_HASH"),
        ("user_pwd_hash", "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr", "PASSWORD_HASH"),
    ],
)
def test_names_and_streets(key, value, entity):
    assert ANALYZER.scan(value, lambda: key) == [(0, len(value), entity)]


@pytest.mark.parametrize(
    ("key", "value"),
    [("fname", "report.pdf"), ("fname", "Report.PDF"), ("street_view", "no imagery"), ("street_food", "Tacos")],
)
def test_other_names_with_their_words_stay(key, value):
    assert ANALYZER.scan(value, lambda: key) == []


def test_a_parameter_of_an_address_whose_name_tells():
    """The address itself is no secret."""
    text = "https://x.example/a?api_key=abc"
    assert ANALYZER.scan(text, lambda: "secret") == [(text.index("abc"), len(text), "NAMED_SECRET")]


def test_a_known_form_has_the_better_name():
    assert [match.entity for match in ANALYZER.scan("bob@example.com", lambda: "password")] == [
        "EMAIL_ADDRESS",
        "NAMED_SECRET",
    ]
