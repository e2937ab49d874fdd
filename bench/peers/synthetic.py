"""Made-up logs with known probabilities, shaped like well-known kinds of click and response data.

Each world is seeded and has what such data has: ids with a heavy tail, most of them seen a few times or never before;
effects of ids that shrink towards their group's; interactions that no single column shows; numbers that matter in steps
or up and down again; noise columns; drift. A logit is a sum of such parts plus what no column shows, and a label is
drawn with its probability. No part is the form of any model that is measured on it.
"""
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

Random = np.random.Generator


@dataclass
class World:
    name: str
    columns: dict[str, np.ndarray]  # text or integers: features only
    labels: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]
    numbers: set[str] = field(default_factory=set)
    times: set[str] = field(default_factory=set)
    delimiter: str = ","
    quoted: bool = False
    yes: str = "1"
    no: str = "0"


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def at_rate(logit: np.ndarray, rate: float) -> np.ndarray:
    """Probabilities whose mean is `rate`, by moving the logit."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(logit + middle).mean() < rate else (low, middle)
    return sigmoid(logit + low)


def ids(random: Random, rows: int, vocabulary: int, power: float, offset: float = 5) -> np.ndarray:
    """Ranks from 0, drawn in proportion to (rank + offset)^-power."""
    weight = (np.arange(vocabulary) + float(offset)) ** -power
    return np.searchsorted(np.cumsum(weight) / weight.sum(), random.random(rows)).clip(0, vocabulary - 1)


def names(random: Random, vocabulary: int, low: int = 1000, high: int = 9_999_999) -> np.ndarray:
    """A number per rank that says nothing about it, all of them different."""
    return random.choice(high - low, vocabulary, replace=False) + low


def latent(random: Random, left: int, right: int, width: int = 4) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """An interaction of two ids: the product of two hidden vectors, standard deviation 1."""
    a, b = random.normal(size=(left, width)), random.normal(size=(right, width)) / np.sqrt(width)
    return lambda i, j: (a[i] * b[j]).sum(axis=1)


def choice(random: Random, rows: int, shares: dict[str, float]) -> np.ndarray:
    weight = np.array(list(shares.values()))
    return random.choice(len(shares), rows, p=weight / weight.sum())


def numbers(values: np.ndarray, digits: int = 0, missing: np.ndarray | None = None) -> np.ndarray:
    text = np.array([f"{value:.{digits}f}" for value in values], dtype=object)
    if missing is not None:
        text[missing] = ""
    return text


def bank(rows: int = 40_000, seed: int = 11) -> World:
    """Phone marketing: few categories, numbers with special values; matters non-monotonically, drifts with the economy."""
    random = np.random.default_rng(seed)
    words = {"job": "admin. blue-collar technician services management retired self-employed entrepreneur unemployed "
                    "housemaid student unknown".split(),
             "marital": "married single divorced unknown".split(),
             "education": "university.degree high.school basic.9y professional.course basic.4y basic.6y unknown".split(),
             "default": "no unknown yes".split(), "housing": "yes no unknown".split(), "loan": "no yes unknown".split(),
             "contact": "cellular telephone".split(), "day_of_week": "mon tue wed thu fri".split()}
    months = "mar apr may jun jul aug sep oct nov dec".split()
    codes = {name: ids(random, rows, len(tokens), 1.2, 1.5) for name, tokens in words.items()}
    time = np.linspace(0, 1, rows)
    codes["month"] = (time * 25).astype(int) % len(months)
    age = np.clip(random.gamma(9, 4.6, rows) + 12 * (codes["job"] == 5) - 14 * (codes["job"] == 10), 17, 95).round()
    rate = 2.6 + 2.2 * np.cos(5 * time) + 0.05 * random.normal(size=rows)  # interest: few levels at a time, drifts
    employed = 5150 + 80 * np.cos(5 * time + 0.4).round(1)
    campaign = 1 + random.geometric(0.42, rows) + (random.random(rows) < 0.03) * random.integers(5, 30, rows)
    known = random.random(rows) < 0.13
    previous = np.where(known, random.geometric(0.6, rows), 0)
    since = np.where(known & (random.random(rows) < 0.6), random.poisson(6, rows), 999)
    visits = np.where(random.random(rows) < 0.35, -1, random.negative_binomial(1, 0.25, rows))  # -1: never asked
    balance = np.exp(random.normal(6.5, 1.4, rows)) - 600 * random.random(rows)
    outcome = np.where(known, 1 + (random.random(rows) < 0.35), 0)  # nonexistent failure success
    job, contact, marital = codes["job"], codes["contact"], codes["marital"]
    logit = (random.normal(0, 0.35, 12)[job] + random.normal(0, 0.2, 7)[codes["education"]]
             + random.normal(0, 0.35, 10)[codes["month"]] + 0.25 * latent(random, 12, 10)(job, codes["month"])
             + np.where(age < 28, 0.6, np.where(age > 60, 1.1, -0.3 * np.sin((age - 28) / 8)))
             + np.where(since == 999, 0, 1.3 - 0.06 * (since - 5) ** 2 / 4) + np.array([0, -0.2, 1.1])[outcome]
             - 0.7 * (contact == 1) * (rate > 2) - 0.35 * (rate - 2.6) + 0.5 * ((rate > 1.2) & (rate < 2))
             - 0.12 * np.minimum(campaign, 10) + 0.3 * ((campaign == 3) & (contact == 0))
             + np.where(visits == -1, 0.35, 0.5 * np.exp(-((visits - 4) ** 2) / 4) - 0.2)
             + 0.25 * np.sin(1.5 * np.log(np.maximum(balance, 1))) - 0.5 * (balance < 0)
             + 0.6 * ((marital == 1) & (age > 40)) - 0.4 * (codes["loan"] == 1) * (codes["housing"] == 0)
             + random.normal(0, 0.5, rows))
    chance = at_rate(logit, 0.113)
    columns = {"age": numbers(age)} | {name: np.array(tokens, dtype=object)[codes[name]] for name, tokens in words.items()}
    columns |= {"month": np.array(months, dtype=object)[codes["month"]], "campaign": numbers(campaign),
                "pdays": numbers(since), "previous": numbers(previous), "visits": numbers(visits),
                "balance": numbers(balance), "poutcome": np.array(["nonexistent", "failure", "success"], object)[outcome],
                "rate": numbers(rate, 3), "employed": numbers(employed, 1)}
    return World("bank", columns, {"y": (random.random(rows) < chance).astype(int)}, {"y": chance},
                 {"age", "campaign", "pdays", "previous", "visits", "balance", "rate", "employed"},
                 delimiter=";", quoted=True, yes="yes", no="no")


def rare(rows: int = 300_000, seed: int = 12) -> World:
    """Installs after clicks: 0.2% positive, five id columns and a time of day; ids change and drift over four days."""
    random = np.random.default_rng(seed)
    start, seconds = np.datetime64("2017-11-06T16:00:00"), 4 * 86_400
    # More clicks by day than by night.
    grid = np.arange(0, seconds, 60)
    busy = np.cumsum(1.3 + np.sin((grid / 3600 + 16 - 8) * 2 * np.pi / 24))
    at = np.interp(np.sort(random.random(rows)) * busy[-1], busy, grid).astype(int)
    time, hour, day = at / seconds, (at // 3600 + 16) % 24, at // 86_400
    sizes = {"ip": 60_000, "app": 450, "device": 900, "os": 180, "channel": 170}
    ip = ids(random, rows, sizes["ip"], 0.9, 20)
    drift = random.random(rows) < 0.25 * day / 3  # a new set of addresses comes in
    ip = np.where(drift, (ip * 7919 + 13) % sizes["ip"], ip)
    app, os = ids(random, rows, sizes["app"], 1.35), ids(random, rows, sizes["os"], 1.5, 2)
    device = np.where(random.random(rows) < 0.93, 0, ids(random, rows, sizes["device"], 1.2, 2))
    home = random.integers(0, sizes["channel"], (sizes["app"], 6))
    channel = np.where(random.random(rows) < 0.8, home[app, ids(random, rows, 6, 1, 1)],
                       ids(random, rows, sizes["channel"], 1.0, 8))
    count = np.bincount(ip, minlength=sizes["ip"])[ip]
    app_effect = random.normal(0, 1.5, sizes["app"]) + 0.7 * (np.arange(sizes["app"]) > 60)
    peak = random.integers(0, 24, 8)[np.arange(sizes["app"]) % 8][app]
    logit = (app_effect[app] + random.normal(0, 0.8, sizes["app"])[app] * (time - 0.5)
             + random.normal(0, 0.8, sizes["channel"])[channel] + 0.5 * latent(random, 450, 170)(app, channel)
             - 0.45 * np.log(count) + random.normal(0, 0.7, sizes["ip"])[ip]
             + 1.2 * (device != 0) * (os > 10) + random.normal(0, 0.8, sizes["device"])[device] * (device != 0)
             + random.normal(0, 0.3, sizes["os"])[os] + 0.8 * np.cos((hour - peak) * 2 * np.pi / 24)
             + 0.4 * ((hour >= 18) & (hour < 22)) + random.normal(0, 0.5, rows))
    chance = at_rate(logit, 0.0022)
    label = (random.random(rows) < chance).astype(int)
    columns = {name: names(random, sizes[name], 1, high)[code] for name, code, high in
               (("ip", ip, 400_000), ("app", app, 700), ("device", device, 4000), ("os", os, 800), ("channel", channel, 500))}
    stamps = np.datetime_as_string(start + at.astype("timedelta64[s]"), unit="s")
    columns["click_time"] = np.char.replace(stamps, "T", " ")
    return World("rare", columns, {"is_attributed": label}, {"is_attributed": chance}, times={"click_time"})


def two_heads(rows: int = 150_000, seed: int = 13) -> World:
    """Clicks, and conversions only after clicks: users with tastes, ads of campaigns, sites, prices."""
    random = np.random.default_rng(seed)
    users, ads, campaigns, sites, topics = 40_000, 3_000, 200, 1_500, 12
    user, ad, site = ids(random, rows, users, 0.75, 30), ids(random, rows, ads, 1.0, 10), ids(random, rows, sites, 1.1)
    fresh = random.random(rows) < 0.3 * np.linspace(0, 1, rows)  # ads that only come up later
    ad = np.where(fresh, ads - 1 - ad // 2, ad)
    campaign_of, topic_of = ids(random, ads, campaigns, 0.7), random.integers(0, topics, campaigns)
    campaign, topic = campaign_of[ad], topic_of[campaign_of[ad]]
    segment_of = random.integers(0, 8, users)  # hidden: shows in the country and in what a user clicks
    segment = segment_of[user]
    countries = "US DE BR IN JP FR GB ID MX PL".split()
    country_of = (segment_of + ids(random, users, 10, 1.4, 1)) % 10
    device_of = ids(random, users, 4, 1.1, 1)
    shape = random.integers(0, 5, ads)[ad]  # the ad's format
    hour = (random.normal(14, 5, rows).round().astype(int)) % 24
    age = np.clip(random.gamma(8, 4.5, users), 13, 90).round()[user]
    price = np.exp(random.normal(2.5, 1.1, campaigns)[campaign] + random.normal(0, 0.3, rows))
    seen = random.geometric(0.3, rows) - 1  # times that this user has seen the ad
    click = at_rate(random.normal(0, 0.5, campaigns)[campaign] + random.normal(0, 0.35, ads)[ad]
                    + random.normal(0, 0.5, sites)[site] + random.normal(0, 0.5, users)[user]
                    + 0.7 * latent(random, 8, topics)(segment, topic) + 0.4 * latent(random, 4, 5)(device_of[user], shape)
                    + 0.25 * np.cos((hour - 20) / 24 * 2 * np.pi) - 0.25 * np.log1p(seen)
                    + 0.5 * np.exp(-(((age - 32) / 9) ** 2)) * (topic % 3 == 0) + random.normal(0, 0.4, rows), 0.075)
    buy = at_rate(random.normal(0, 0.7, campaigns)[campaign] + random.normal(0, 0.6, users)[user]
                  + 0.6 * latent(random, 10, topics)(country_of[user], topic) - 0.5 * (np.log(price) - 2.5)
                  - 0.6 * (device_of[user] == 0) * (price > 20) + 0.3 * np.sin(age / 6)
                  + 0.4 * latent(random, 8, topics)(segment, topic) + random.normal(0, 0.4, rows), 0.12)
    clicked = (random.random(rows) < click).astype(int)
    columns = {"user_id": names(random, users)[user], "ad_id": names(random, ads)[ad],
               "campaign_id": names(random, campaigns, 100, 9999)[campaign], "site": names(random, sites)[site],
               "topic": np.array([f"t{i}" for i in range(topics)], dtype=object)[topic],
               "country": np.array(countries, dtype=object)[country_of[user]],
               "device": np.array("phone desktop tablet tv".split(), dtype=object)[device_of[user]],
               "format": np.array("banner video native square text".split(), dtype=object)[shape],
               "hour": numbers(hour), "age": numbers(age, 0, random.random(users)[user] < 0.2),
               "price": numbers(price, 2, random.random(rows) < 0.03), "times_seen": numbers(seen)}
    return World("two_heads", columns, {"click": clicked, "conversion": clicked * (random.random(rows) < buy)},
                 {"click": click, "conversion": click * buy}, {"hour", "age", "price", "times_seen"})


def search(rows: int = 200_000, seed: int = 14) -> World:
    """Search ads: eight id columns with long tails, position and depth; 4 to 5% clicks."""
    random = np.random.default_rng(seed)
    users, queries, ads, keywords, titles, advertisers, urls = 400_000, 500_000, 40_000, 30_000, 40_000, 4_000, 5_000
    user, query = ids(random, rows, users, 0.55, 50), ids(random, rows, queries, 0.85, 20)
    user = np.where(random.random(rows) < 0.1, 0, user)  # not known: a user of its own, as such logs have it
    theme_of = random.integers(0, 60, queries)
    ad = (ids(random, rows, ads, 0.95, 20) // 60) * 60 % ads + theme_of[query]  # ads match the query's theme
    ad = np.where(random.random(rows) < 0.15, ids(random, rows, ads, 0.95, 20), ad).clip(0, ads - 1)
    advertiser_of = ids(random, ads, advertisers, 0.9, 10)
    keyword = np.where(random.random(rows) < 0.5, query % keywords, ids(random, ads, keywords, 0.8)[ad])
    title_of = ids(random, ads, titles, 0.5)
    url_of = np.where(random.random(advertisers) < 0.8, np.arange(advertisers), ids(random, advertisers, urls, 0.8))
    advertiser = advertiser_of[ad]
    depth = choice(random, rows, {"1": 0.3, "2": 0.45, "3": 0.25}) + 1
    position = np.minimum((random.random(rows) * depth).astype(int) + 1, depth)
    gender, age = ids(random, users, 3, 1, 1)[user], choice(random, users, dict(zip("123456", (.1, .2, .3, .2, .12, .08))))[user]
    quality = random.normal(0, 0.6, advertisers)[advertiser] + random.normal(0, 0.35, ads)[ad]
    effect = random.normal(0, 0.6, 60)[theme_of[query]] + random.normal(0, 0.6, queries)[query]
    logit = (np.array([0, 0, -0.75, -1.25])[position] + np.array([0, 0.25, 0, -0.1])[depth] + quality + effect
             + 0.25 * (position == 1) * quality + random.normal(0, 0.4, users)[user]
             + random.normal(0, 0.4, keywords)[keyword] + random.normal(0, 0.4, titles)[title_of[ad]]
             + 0.5 * latent(random, 60, advertisers)(theme_of[query], advertiser)
             + np.array([0.1, 0, -0.2])[gender] + np.array([0.25, 0, -0.15, -0.1, 0.1, 0.3])[age]
             + 0.3 * latent(random, 6, 60)(age, theme_of[query]) + random.normal(0, 0.4, rows))
    chance = at_rate(logit, 0.045)
    names_of = {"url": (url_of[advertiser], urls), "ad_id": (ad, ads), "advertiser_id": (advertiser, advertisers),
                "query_id": (query, queries), "keyword_id": (keyword, keywords), "title_id": (title_of[ad], titles),
                "user_id": (user, users)}
    text = {name: names(random, size, 1, 25_000_000)[code] for name, (code, size) in names_of.items()}
    columns = {"url": text["url"], "ad_id": text["ad_id"], "advertiser_id": text["advertiser_id"],
               "depth": depth, "position": position} | {name: text[name] for name in
                                                        ("query_id", "keyword_id", "title_id", "user_id")}
    columns |= {"gender": gender, "age": age + 1}
    return World("search", columns, {"click": (random.random(rows) < chance).astype(int)}, {"click": chance},
                 {"depth", "position"})
