"""Every public symbol of the headers, as Doxygen read them (the XML of scripts/reference.sh)."""
import re
import xml.etree.ElementTree as tree
from pathlib import Path
from typing import NamedTuple


class Symbol(NamedTuple):
    header: str  # "slow/base.h"
    kind: str  # "file", "struct", "member", "enum", "value", "macro", "function" or "typedef"
    owner: str  # of a member its struct, of a value its enum ("" = it has no name)
    name: str
    type: str  # of a member: as it is declared, without its name
    value: str  # of a macro
    documented: bool

    def __str__(self):
        return f"{self.header}: {self.kind} {self.owner + '.' if self.owner else ''}{self.name}"


def has_words(element):
    return any("".join(element.find(part).itertext()).strip() for part in ("briefdescription", "detaileddescription"))


def text_of(element, part):
    found = element.find(part)
    return "" if found is None else re.sub(r"\s+", " ", "".join(found.itertext())).strip()


def header_of(element):
    return "slow/" + element.find("location").get("file").rpartition("/")[2]


def members(header, definition, owner):
    kinds = {"define": "macro", "variable": "member" if owner else "variable"}
    kind, name = definition.get("kind"), text_of(definition, "name")
    if kind == "enum":
        # An enum without a name is no symbol; its values are.
        name = "" if name.startswith("@") else name
        if name:
            yield Symbol(header, "enum", "", name, "", "", has_words(definition))
        for value in definition.findall("enumvalue"):
            yield Symbol(header, "value", name, text_of(value, "name"), "", text_of(value, "initializer"), has_words(value))
        return
    yield Symbol(header, kinds.get(kind, kind), owner, name, text_of(definition, "type") + text_of(definition, "argsstring"),
                 text_of(definition, "initializer"), has_words(definition))


def public_symbols(xml_folder):
    """In the order of their files and lines. An include guard is no symbol."""
    for path in sorted(Path(xml_folder).glob("*_8h.xml")) + sorted(Path(xml_folder).glob("struct*.xml")):
        compound = tree.parse(path).getroot().find("compounddef")
        header, owner = header_of(compound), ""
        if compound.get("kind") == "file":
            yield Symbol(header, "file", "", header, "", "", has_words(compound))
        else:
            owner = text_of(compound, "compoundname")
            yield Symbol(header, "struct", "", owner, "", "", has_words(compound))
        for definition in compound.iter("memberdef"):
            for symbol in members(header, definition, owner):
                if not (symbol.kind == "macro" and symbol.name.endswith("_H")):
                    yield symbol
