"""Put a mutant's code in the place of a function that is loaded."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType, FunctionType

from tools.mutants import Mutant

ROOT = Path(__file__).resolve().parent.parent


def replaced(mutant: Mutant) -> bool:
    """Put a mutant's function in the place of the loaded one; False if that cannot be done in place."""
    code = code_of(compile(mutant.tree(), str(mutant.path), "exec"), mutant.function)
    return swap(sys.modules.get(module_name(mutant.path)), mutant.function, code)


def swap(module: object, name: str, code: CodeType | None) -> bool:
    """Give a loaded function other code; False if that cannot be done."""
    function = _function(module, name)
    if code is None or function is None or code.co_freevars != function.__code__.co_freevars:
        return False
    function.__code__ = code
    return True


def module_name(path: Path) -> str:
    """Dotted name of a file of ours."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def code_of(code: CodeType, qualified: str) -> CodeType | None:
    """Find the code of a function, by its qualified name, in what was compiled around it."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            if part.co_qualname == qualified:
                return part
            if qualified.startswith(f"{part.co_qualname}."):
                return code_of(part, qualified)
    return None


def _function(module: object, qualified: str) -> FunctionType | None:
    """Plain function behind a name: of a property, a method or a cache."""
    owner: object = module
    *outer, name = qualified.split(".")
    for part in outer:
        owner = getattr(owner, part)
    found = vars(owner).get(name)
    if hasattr(found, "py_func"):  # compiled: the loaded machine code would stay
        return None
    for attribute in ("fget", "__func__", "func", "__wrapped__"):
        found = getattr(found, attribute, found) if not isinstance(found, FunctionType) else found
    return found if isinstance(found, FunctionType) else None
