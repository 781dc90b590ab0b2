"""Made-up customers and documents. No value belongs to anybody: cards and numbers are published test values."""

from typing import TypedDict


class Customer(TypedDict):
    """A row of the sample customer register."""

    id: str
    name: str
    email: str
    phone: str
    ssn: str
    card: str
    plan: str
    balance: float


CUSTOMERS: dict[str, Customer] = {
    "1001": {
        "id": "1001",
        "name": "Ada Example",
        "email": "ada.example@customers.example",
        "phone": "+1 202-555-0143",
        "ssn": "219-09-9998",
        "card": "4111 1111 1111 1111",
        "plan": "gold",
        "balance": 120.50,
    },
    "1002": {
        "id": "1002",
        "name": "Bela Sample",
        "email": "bela.sample@customers.example",
        "phone": "+1 202-555-0178",
        "ssn": "219-09-9997",
        "card": "5555 5555 5555 4444",
        "plan": "basic",
        "balance": 7.25,
    },
}
SENSITIVE_FIELDS = ("ssn", "card", "email", "phone")
"""The fields of a customer that a caller must never get unmasked."""

DOCUMENTS = [
    {
        "title": "Refund handbook",
        "text": "Refunds above 500 need a second person. Example ticket: ada.example@customers.example, "
        "card 4111 1111 1111 1111.",
    },
    {
        "title": "Incident 42",
        "text": "A support export held SSN 219-09-9998. It was removed the same day.",
    },
    {"title": "Style guide", "text": "Write short sentences. Say who does what."},
]
