"""`exos asset ...`: what is held and paid with."""

from config import admin_records as ar

from .command import Noun
from .define import add_change, add_create, add_list, add_show

asset = Noun("asset", "list, show, define and change assets")


add_list(
    asset,
    "asset",
    {"asset": lambda row: row["name"], ">decimals": lambda row: row["record"]["decimals"], "title": lambda row: row["record"]["title"]},
    examples=("exos asset list",),
)
add_show(asset, "asset", ar.DefineAsset, {}, examples=("exos asset show USD",))
add_create(asset, "asset", ar.DefineAsset, examples=('exos asset create USD --decimals 4 --title "US dollar"',))
add_change(asset, "asset", ar.DefineAsset, examples=('exos asset change USD --title "US dollar, settled daily"',))
