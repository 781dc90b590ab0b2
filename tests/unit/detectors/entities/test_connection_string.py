"""CONNECTION_STRING: texts in which a password is found, and texts in which none is."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, check_part_found

ENTITY = "CONNECTION_STRING"
RANDOM = "a1B2c3D4e5F6a1B2c3D4e5F6"
FOUND_IN_PART = [
    ("postgres://app:hunter22@db.internal/x", "hunter22"),
    ("amqp://:s3cr3t@mq", "s3cr3t"),
    ("redis://:x@cache:6379/0", "x"),
    ("postgres://app:p@ssw0rd@db:5432/app", "p@ssw0rd"),
    ("postgres://app:p/ssw0rd@db:5432/app", "p/ssw0rd"),
    ("postgres://app:p?ss#w0rd@db:5432/app?x=a@b", "p?ss#w0rd"),
    ("postgres://app:%40dm1n-Pa55@db/app", "%40dm1n-Pa55"),
    ("postgres://app:$ecret12@db/app", "$ecret12"),
    ("postgresql+psycopg2://scott:tiger@localhost:5432/mydatabase", "tiger"),
    ("redis://:pw@h", "pw"),
    ("rediss://default:AbC123@eu1.example.com:6380/0", "AbC123"),
    ("mongodb://root:ex4mple@a:27017,b:27017,c:27017/?replicaSet=rs", "ex4mple"),
    ("mongodb+srv://app:s3cret@cluster0.example.net/db", "s3cret"),
    ("smtp://bob%40example.com:hunter2@smtp.example.com:587", "hunter2"),
    ("ftp://anonymous:guest@ftp.example.com/", "guest"),
    ("https://bob:hunter2@example.com/x", "hunter2"),
    ("https://bob:hun/ter2@example.com/x", "hun/ter2"),
    ("https://x-access-token:abcdef@github.com/o/r.git", "abcdef"),
    (f"https://{RANDOM}@github.com/o/r.git", RANDOM),
    (f"https://{RANDOM}:x-oauth-basic@github.com/o/r.git", RANDOM),
    (f"https://{RANDOM}:@api.example.com", RANDOM),
    ("https://a1b2c3d4e5f60718a1b2c3d4e5f60718@o1.ingest.example.io/2", "a1b2c3d4e5f60718a1b2c3d4e5f60718"),
    ("amqp://svc:guest@[::1]:5672/%2f", "guest"),
    ("DATABASE_URL='mysql://root:t00r@127.0.0.1/app'", "t00r"),
    ("cloudinary://123456789012345:aBcDeFg@demo", "aBcDeFg"),
    ("jdbc:mysql://db:3306/app?user=root&password=hunter2&useSSL=false", "hunter2"),
    ("jdbc:postgresql://db/app?password=hunter2", "hunter2"),
    ("postgresql://db/app?user=a&sslpassword=hunter2", "hunter2"),
    ("mysql://db/app?pwd=hunter2#x", "hunter2"),
    ("jdbc:sqlserver://db:1433;databaseName=app;user=sa;password=hunter2;encrypt=true", "hunter2"),
    ("Server=db;Database=app;User Id=sa;Password=hunter2;", "hunter2"),
    ("Server=db;Uid=sa;Pwd=hunter2", "hunter2"),
    ("Driver={ODBC Driver 18};Server=db;UID=sa;PWD={hunter;2};", "hunter;2"),
    ("Password=hunter2;User ID=sa;Data Source=db", "hunter2"),
    ('Data Source=db;Password="hunter2";', "hunter2"),
    ("Data Source=db; Password = hunter2;", "hunter2"),
    ("host=db user=app password=hunter2 dbname=x", "hunter2"),
    ("host=db port=5432 password='hunter2' dbname=x", "hunter2"),
    ("dbname=x user=app password=hunter2", "hunter2"),
    ("jdbc:oracle:thin:scott/tiger@//db:1521/orcl", "tiger"),
    ('jdbc:oracle:thin:scott/"t/ger"@db:1521:orcl', "t/ger"),
    ("sqlplus scott/tiger@db", "tiger"),
    ("db.internal:5432:app:bob:hunter2", "hunter2"),
    ("# comment\n*:5432:*:bob:hunter2\n", "hunter2"),
    ("machine example.com login bob password hunter2", "hunter2"),
    ("machine example.com\n  login bob\n  password hunter2\n", "hunter2"),
    ("machine example.com password hunter2", "hunter2"),
]
"""Text, and the part of it that is found."""
WORDS_FOUND = [("host=db password='two words' dbname=x", ["two", "words"])]
"""A quoted password is found word by word: text is streamed by words."""
NOT_FOUND = [
    "postgres://app:${PASSWORD}@db/x",
    "postgres://app:$PASSWORD@db/x",
    "postgres://app:$DB_PASS@db/x",
    "postgres://app:$password@db/x",
    "postgres://app:{{ password }}@db/x",
    "postgres://app:{{password}}@db/x",
    "postgres://app:{password}@db/x",
    "postgres://app:<password>@db/x",
    "postgres://app:***@db/x",
    "postgres://app:****ab12@db/x",
    "postgres://app:xxxx@db/x",
    "postgres://app:%s@db/x",
    "postgres://app:%DB_PASS%@db/x",
    "postgres://app:[REDACTED]@db/x",
    "postgres://app:YOUR_PASSWORD@db/x",
    "scheme://user:password@host",
    "https://username:password@example.com",
    "postgres://app@db/x",
    "postgres://db:5432/x",
    "redis://localhost:6379/0",
    "git@github.com:octocat/Hello-World.git",
    "ssh://git@host/x",
    "ssh://git@github.com/octocat/Hello-World.git",
    "git+ssh://git@github.com/o/r.git#v1.0",
    "https://user@host/",
    "https://bob@example.com/",
    "http://host:8080/@scope/pkg",
    "http://localhost:8080/users/@me",
    "http://host:PORT/users/@me",
    "http://host:port/a@b.com",
    "http://host:${PORT}/a@b.com",
    "https://host/path?email=a:b@c",
    "https://host:443/a?x=b@c",
    "https://packages.example.com/@babel/core",
    "https://example.com/a:b/c@d",
    "https://medium.com/@user/title-of-a-post-12345",
    "https://example.com/maps/@51.5,-0.12,15z",
    "npm install @babel/core@7.21.0",
    "mailto:a:b",
    "?password_reset=1",
    "&password_hint=x",
    ";password=;x=1",
    "?password=${PW}&x=1",
    "Server=db;Pwd=$(PW);",
    "Server=db;Password=<password>;",
    "Server=db;Password=ask();",
    "?user=USER&password=PASS",
    "connect(host=h, user=u, password=pw)",
    "SharedAccessKeyName=RootManageSharedAccessKey",
    "10.1.2:5432:a",
    "listen 0.0.0.0:5432 and more",
    "machine learning with a password of its own",
    "the virtual machine example has no password",
    "image: registry:5000/app@sha256",
]


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
@pytest.mark.parametrize("around", ["{}", "see {} there", '"{}"', "<a>{}</a>", "\n{}\n"])
def test_a_part_is_found(text, part, around):
    if text.startswith(("db.", "#")) and around in ("see {} there", '"{}"', "<a>{}</a>"):
        return  # a line of its own
    check_part_found(ENTITY, around.replace("{}", text), part)


@pytest.mark.parametrize(("text", "parts"), WORDS_FOUND)
def test_a_quoted_password_is_found_word_by_word(text, parts):
    assert [text[start:end] for start, end, entity in ANALYZER.scan(text) if entity == ENTITY] == parts


@pytest.mark.parametrize("text", NOT_FOUND)
@pytest.mark.parametrize("around", ["{}", "see {} there"])
def test_nothing_is_found(text, around):
    found = ANALYZER.scan(around.replace("{}", text))
    assert [match for match in found if match.entity == ENTITY] == []
