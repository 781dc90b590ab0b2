"""Numbers under a name that says what they are: the checks of all countries, or of the one that is named."""

import re
from collections.abc import Callable
from functools import cached_property, lru_cache

from extproc.detectors.entities.national.alone import ALONE
from extproc.detectors.entities.national.beside import BESIDE, FORM
from extproc.detectors.entities.national.number_checks import Check, stdnum
from extproc.detectors.entities.national.row import Row
from extproc.detectors.vocabulary.names import normal_name
from extproc.detectors.vocabulary.vocabulary import Vocabulary

GENERAL = frozenset({"us_ssn", "us_tax_id", "za_id_number", "ng_nin", "passport", "driver_license", "account"})
"""Kinds of words that people use in any country: ``ssn``, ``tax_id``, ``id_number``."""
_PERSONS = """
al.nipt ar.cuit ar.dni az.voen be.bis bg.pnf by.unp ca.bc_phn cl.rut cn.uscc co.nit cr.cpf cu.ni de.idnr do.cedula
ec.ci ee.ik eg.tn fr.nif gb.upn gh.tin gt.nit hr.oib id.nik id.npwp is_.kennitala ke.pin lt.asmens md.idno me.pib
mk.edb mu.nid my.nric mz.nuit no.orgnr pe.cui pe.ruc pk.cnic pl.regon py.ruc ro.cui rs.pib ru.inn se.orgnr si.emso
si.ddv sn.ninea sv.nit tn.mf tr.vkn ua.rntrc us.tin uy.rut ve.rif vn.mst ch.uid at.tin hu.anum fi.veronumero
"""
"""Modules of python-stdnum for numbers of persons and taxpayers that the tables do not have."""
_VAT = "eu.vat gb.vat ch.vat no.mva"
_SEPARATORS = re.compile(r"[ ./:_-]")
_NUMBER = re.compile(r"[0-9A-Za-z](?:[ ./:_-]{0,2}[0-9A-Za-z]){5,25}")
NAMES_CACHED = 1_024


class Anywhere:
    """Tells numbers under their names."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        """Take the words that name one country's number."""
        self._rows = [
            (row, vocabulary.words(*row.kinds).tell if row.kinds else None, _checked(row))
            for row in (*ALONE, *BESIDE)
        ]
        self._is_vat = vocabulary.words("vat").tell
        self._named = lru_cache(maxsize=NAMES_CACHED)(self._of_name)

    def accepts(self, name: str, text: str) -> bool:
        """Return whether a text is a number of the kind that its name says."""
        number = text.strip()
        if _NUMBER.fullmatch(number) is None or not any(map(str.isdigit, number)):
            return False
        is_mixed = len(set(_SEPARATORS.findall(number))) > 1
        joined = number if is_mixed else _SEPARATORS.sub("", number)
        spellings = dict.fromkeys((number.upper(), joined.upper()))
        return any(check(spelling) for check in self._named(name) for spelling in spellings)

    def _of_name(self, name: str) -> tuple[Check, ...]:
        """Return the checks of the numbers that a name means; of all, if it is general, likely ones first."""
        normal, told, meant = normal_name(name), list[Check](), list[Check]()
        for row, tells, check in self._rows:
            is_told = tells is not None and tells(name)
            if f"_{row.entity.lower()}_" in normal or (is_told and GENERAL.isdisjoint(row.kinds)):
                meant.append(check)
            elif is_told:
                told.append(check)
        if self._is_vat(name):
            meant += map(stdnum, _VAT.split())
        return tuple(meant) or tuple(dict.fromkeys((*filter(self._all.__contains__, told), *self._all)))

    @cached_property
    def _all(self) -> tuple[Check, ...]:
        rows = (check for row, tells, check in self._rows if tells is None or row.proof not in {FORM, ""})
        return (*rows, *map(stdnum, (_PERSONS + _VAT).split()))


def _checked(row: Row) -> Callable[[str], bool]:
    form = re.compile(row.form)
    return lambda number: form.fullmatch(number) is not None and row.accepts(number)
