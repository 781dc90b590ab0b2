"""COMMAND_PASSWORD: texts in which it is found, and texts in which it is not."""

import pytest

from tests.unit.detectors.entities.checks import ANALYZER, check_part_found

ENTITY = "COMMAND_PASSWORD"
FOUND_IN_PART = [
    (text, "hunter2")
    for text in [
        "curl -u bob:hunter2 https://example.com",
        "curl -ubob:hunter2 https://example.com",
        "curl -s -X POST --user bob:hunter2 https://example.com",
        'curl -u "bob:hunter2" https://example.com',
        "curl -u 'bob:hunter2' https://example.com",
        "curl --proxy-user bob:hunter2 https://example.com",
        "mysql -u root -phunter2 app",
        "mysql -u root -p'hunter2' app",
        "mysqldump -h db -uroot -phunter2 app > x.sql",
        "mariadb -phunter2",
        "mysqladmin -u root --password=hunter2 status",
        "sshpass -p hunter2 ssh bob@h",
        "sshpass -phunter2 ssh bob@h",
        'sshpass -p "hunter2" ssh bob@h',
        "redis-cli -h cache -a hunter2 ping",
        "mongosh -u root -p hunter2 --authenticationDatabase admin",
        "docker login -u bob -p hunter2 registry.example.com",
        "az login --service-principal -u x -p hunter2 --tenant y",
        "ldapsearch -x -D cn=admin -w hunter2 -b dc=example",
        "openssl rsa -in key.pem -passin pass:hunter2",
        "htpasswd -bc .htpasswd bob hunter2",
        "smbclient //h/share -U bob%hunter2",
        "wget --password=hunter2 https://example.com",
        "tool --db-password hunter2 run",
        "keytool -genkey -storepass hunter2 -keypass x1",
        "PGPASSWORD=hunter2 psql -h db",
        "MYSQL_PWD='hunter2' mysql",
        "ALTER USER app IDENTIFIED BY 'hunter2'",
        "CREATE USER app IDENTIFIED BY hunter2 DEFAULT TABLESPACE x",
        "CREATE USER 'a'@'%' IDENTIFIED BY 'hunter2' PASSWORD EXPIRE",
        "ALTER USER app PASSWORD 'hunter2'",
        "CREATE ROLE app LOGIN SUPERUSER PASSWORD 'hunter2' VALID UNTIL 'infinity'",
        "SET PASSWORD FOR 'app'@'%' = 'hunter2'",
        "SET PASSWORD FOR app = PASSWORD('hunter2')",
        "SET PASSWORD TO 'hunter2'",
        "CREATE LOGIN app WITH PASSWORD = N'hunter2'",
        "CREATE MASTER KEY ENCRYPTION BY PASSWORD = 'hunter2'",
        "CREATE USER app IDENTIFIED WITH sha256_password BY 'hunter2';",
        "CREATE ROLE app LOGIN ENCRYPTED PASSWORD 'hunter2';",
        "ALTER ROLE app WITH PASSWORD 'hunter2';",
        "SET PASSWORD = 'hunter2'",
    ]
]
FOUND_IN_PART += [
    ("kubectl create secret generic ceph --from-literal=key='AQBfSyZc==' -n y", "AQBfSyZc=="),
    ("oc create secret generic x \\\n  --from-literal=user=bob \\\n  --from-literal key=abc -n y", "abc"),
]
"""Text, and the part of it that is found."""
NOT_FOUND = [
    "curl -u bob https://example.com",
    "curl -u $USER:$PASS https://example.com",
    "curl -u bob:${PASS} https://example.com",
    "docker run -u 1000:1000 -p 8080:80 nginx",
    "curl --user 1000:1000",
    "mysql -u root -p app",
    "mysql -u root -p",
    "mysql -P 3306 -h db",
    "mysql -p$MYSQL_PASSWORD app",
    "sshpass -e ssh bob@h",
    "sshpass -f file ssh bob@h",
    "redis-cli -a $REDIS",
    "mongo db.example.com",
    "docker login registry.example.com",
    "docker login --password-stdin",
    "use --password to set it",
    "--password=$PASSWORD",
    "--password=<password>",
    "PGPASSWORD=${PW} psql",
    "identified by its name",
    "a library identified by 'name'",
    "a user password is set",
    "the password 'x'",
    "the zip file -- Print it",
    "kubectl create secret generic x --from-literal=key=<key> --from-literal=name=bob -n y",
    "kubectl create secret generic x --from-literal=name=\u2039name> --from-literal=key=\u2039your key\u203a",
    "kubectl create configmap x --from-literal=key=abc",
    "kubectl create secret generic x --from-file=a\nkubectl create configmap x --from-literal=key=abc",
]


@pytest.mark.parametrize(("text", "part"), FOUND_IN_PART)
def test_a_part_is_found(text, part):
    check_part_found(ENTITY, text, part)
    check_part_found(ENTITY, f"$ {text}\n", part)


def test_a_quoted_password_is_found_word_by_word():
    """Text is streamed by words."""
    text = "mysql -u root -p'two words' app"
    assert [text[start:end] for start, end, entity in ANALYZER.scan(text) if entity == ENTITY] == ["two", "words"]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_nothing_is_found(text):
    assert ENTITY not in {match.entity for match in ANALYZER.scan(text)}
