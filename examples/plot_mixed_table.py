"""
A table with dates, strings, categories and missing values
==========================================================

Networks need numbers. skrub's ``tabular_pipeline`` makes them from a data frame as it comes: dates become cyclic
features, names of many stations become vectors that similar names share, categories become one-hot, and missing
temperatures are imputed and indicated. The table of bike rentals in this example is generated, so that the rentals that
the network predicts can be compared with those that are expected.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split
from skrub import DatetimeEncoder, tabular_pipeline

from skbackprop import BackpropRegressor

rng = np.random.default_rng(0)
districts = {"Hillside": 0.4, "Harbor": 1.5, "Airport": 0.6, "Old Town": 1.6, "Riverside": 1.2, "Northgate": 0.8}
places = {"market": 1.3, "school": 1.0, "museum": 0.8, "hospital": 0.9, "station": 1.7, "park": 1.1, "library": 0.7}
weathers = {"sun": 1.2, "clouds": 1.0, "rain": 0.5, "snow": 0.2}


def expected_rentals(table, temperature):
    """Return the rentals without noise, a product of what date, station, weather and temperature contribute."""
    time = pd.to_datetime(table["time"]).dt
    season = 1 - 0.6 * np.cos(2 * np.pi * (time.day_of_year - 15) / 365)
    commuting = np.exp(-(((time.hour - 8) / 2) ** 2)) + np.exp(-(((time.hour - 17) / 2.5) ** 2))
    leisure = 0.8 * np.exp(-(((time.hour - 14) / 4) ** 2))
    daily = 0.1 + np.where(time.day_of_week < 5, commuting, leisure)
    district, place = zip(*table["station"].str.rsplit(" ", n=1), strict=True)
    factors = [[districts[name] for name in district], [places[name] for name in place]]
    return 40 * season * daily * np.prod(factors, axis=0) * table["weather"].map(weathers).astype(float) * temperature


# %%
# Dates are strings, the 42 stations have two-word names, the weather is a category, and a fifth of the temperatures
# are missing.
n_samples = 6000
hours = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 2 * 365 * 24, n_samples), unit="h")
stations = [f"{district} {place}" for district in districts for place in places]
table = pd.DataFrame(
    {
        "time": hours.strftime("%Y-%m-%d %H:%M"),
        "station": rng.choice(stations, n_samples),
        "weather": pd.Categorical(rng.choice(list(weathers), n_samples, p=[0.4, 0.3, 0.2, 0.1])),
        "temperature": rng.normal(12, 8, n_samples).round(1),
    }
)
expected = expected_rentals(table, 1 + 0.02 * (table["temperature"] - 12))
rentals = rng.poisson(np.maximum(expected, 0)).astype(float)
table.loc[rng.random(n_samples) < 0.2, "temperature"] = np.nan
train, test, y_train, y_test = train_test_split(table, rentals, random_state=0)
print(table.head().to_string())

# %%
# One call makes the pipeline. The network standardizes its inputs itself, so the scaler is left out; the weekday is
# added to what the encoder of dates extracts.
pipeline = tabular_pipeline(BackpropRegressor(loss="poisson", random_state=0))
pipeline.set_params(squashingscaler="passthrough", tablevectorizer__datetime__add_weekday=True)
pipeline.fit(train, y_train)
print("columns for the network:", pipeline[-1].n_features_in_)

# %%
# Each kind of column adds to what the network knows. No error can be less than the noise: rentals are counts.
errors = {}
names = ["temperature", "weather", "station", "time"]
for n_columns, name in enumerate(names, start=1):
    part = names[:n_columns]
    predicted = clone(pipeline).fit(train[part], y_train).predict(test[part])
    errors[f"{'only' if n_columns == 1 else 'and'} {name}"] = root_mean_squared_error(y_test, predicted)
boosting = tabular_pipeline(HistGradientBoostingRegressor(loss="poisson", categorical_features="from_dtype"))
boosting.set_params(tablevectorizer__datetime=DatetimeEncoder(add_weekday=True))
errors["gradient boosting,\nall columns"] = root_mean_squared_error(y_test, boosting.fit(train, y_train).predict(test))
noise = root_mean_squared_error(y_test, expected[test.index])
for name, error in errors.items():
    print(f"RMSE {error:6.2f}  {' '.join(name.split())}")
print(f"RMSE {noise:6.2f}  noise alone")

# %%
# On the left, the network has found the hours of commuting on a working day and the afternoon of a Sunday. On the
# right, each bar adds a column to those above it. The rentals are a product of factors, which suits a network with the
# Poisson loss; on other tables gradient boosting is better, so try both.
fig, (days, bars) = plt.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
cases = {"Friday, Harbor station, sun": ("2025-06-13", "Harbor station", "sun")}
cases["Sunday, Old Town market, clouds"] = ("2025-06-15", "Old Town market", "clouds")
for color, (label, (date, station, weather)) in zip(("C0", "C1"), cases.items(), strict=True):
    hours = [f"{date} {hour:02}:00" for hour in range(24)]
    day = pd.DataFrame({"time": hours, "station": station, "weather": weather, "temperature": 18.0})
    days.plot(expected_rentals(day, 1 + 0.02 * (18 - 12)), "--", color=color)
    days.plot(pipeline.predict(day), color=color, label=label)
days.plot([], "--", color="0.4", label="expected")
days.set(xlabel="hour", ylabel="rentals", title="Predicted and expected rentals", xticks=range(0, 25, 6))
days.set_ylim(top=320)
days.legend(loc="upper left", fontsize="small")
bars.barh(list(errors), list(errors.values()), color=["C0"] * 4 + ["0.6"])
bars.axvline(noise, color="0.2", linestyle="--", label="noise alone")
bars.invert_yaxis()
bars.set(xlabel="RMSE on the test set", title="What each column contributes")
bars.legend()
plt.show()
