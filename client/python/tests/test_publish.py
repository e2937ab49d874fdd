"""What is published is answered as scikit-learn has it."""
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import adscore

NUMBERS, NAMES = ["age", "bid"], ["site", "hour"]


def rows(count=1000):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({
        "age": np.round(rng.normal(40, 10, count), 2),
        "bid": np.round(rng.lognormal(0, 1, count), 3),
        "site": rng.choice(["news", "sport", "mail"], count),
        "hour": rng.integers(0, 24, count),
    })
    return frame, (rng.random(count) < 0.1 + 0.5 * (frame.site == "sport") * (frame.bid > 1)).astype(int)


def encoded(scaler):
    return ColumnTransformer([("n", scaler, NUMBERS), ("c", OneHotEncoder(handle_unknown="ignore"), NAMES)])


MODELS = {
    "mlp": lambda: make_pipeline(encoded(StandardScaler()), MLPClassifier((16,), max_iter=15, random_state=1)),
    "mlp_logistic": lambda: make_pipeline(
        encoded(MinMaxScaler()), MLPClassifier((8, 8), activation="logistic", max_iter=15, random_state=1)),
    "logistic": lambda: make_pipeline(encoded(MinMaxScaler()), LogisticRegression()),
    "scaled": lambda: make_pipeline(ColumnTransformer([("n", "passthrough", NUMBERS)]), StandardScaler(), LogisticRegression()),
    "names": lambda: make_pipeline(
        ColumnTransformer([("c", OneHotEncoder(), NAMES)]), LogisticRegression()),
    "imputed": lambda: make_pipeline(encoded(make_pipeline(SimpleImputer(), StandardScaler())), LogisticRegression()),
}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("kind", MODELS)
def test_a_pipeline_is_answered_as_it_scores(kind, tmp_path, trainer, serve):
    frame, labels = rows()
    model = MODELS[kind]().fit(frame, labels)
    published = adscore.publish(model, tmp_path / "M", "ads", head="click", trainer=trainer,
                                context=["site" if kind != "scaled" else "age"])
    assert published.version == 1
    used = {"scaled": NUMBERS, "names": NAMES}.get(kind, NUMBERS + NAMES)
    assert sorted(published.features) == sorted(used)
    scored = frame.assign(age=frame.age.where(frame.index % 9 != 0)) if kind == "imputed" else frame
    with adscore.Client(serve(tmp_path / "M")) as client:
        answer = client.predict("ads", scored)
    np.testing.assert_allclose(answer["click"], model.predict_proba(scored)[:, 1], atol=1e-5)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("estimator", [LogisticRegression(), MLPClassifier((8,), max_iter=10, random_state=2)])
def test_an_estimator_over_an_array_has_the_names_it_is_given(estimator, tmp_path, trainer, serve):
    frame, labels = rows()
    x = frame[NUMBERS].to_numpy()
    estimator.fit(x, labels)
    published = adscore.publish(estimator, tmp_path / "M", "ads", features=NUMBERS, trainer=trainer)
    assert published.features == NUMBERS
    with adscore.Client(serve(tmp_path / "M")) as client:
        answer = client.predict("ads", frame)
        np.testing.assert_allclose(answer["probability"], estimator.predict_proba(x)[:, 1], atol=1e-5)
        with pytest.raises(adscore.InvalidRequest, match="age"):
            client.predict("ads", frame.assign(age=np.nan))


def test_a_pipeline_without_a_column_transformer_takes_a_frame_or_an_array(tmp_path, trainer, serve):
    frame, labels = rows()
    for name, x in {"frame": frame[NUMBERS], "array": frame[NUMBERS].to_numpy()}.items():
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, labels)
        published = adscore.publish(model, tmp_path / "M", name, trainer=trainer)
        assert published.features == (NUMBERS if name == "frame" else ["x_0", "x_1"])
    with adscore.Client(serve(tmp_path / "M")) as client:
        answer = client.predict("frame", frame)
        np.testing.assert_allclose(answer["probability"], model.predict_proba(x)[:, 1], atol=1e-5)


def test_what_can_not_be_published_is_refused_by_name(tmp_path, trainer):
    frame, labels = rows(200)
    with pytest.raises(adscore.PublishError, match="TreeEnsembleClassifier"):
        adscore.publish(RandomForestClassifier(3).fit(frame[NUMBERS], labels), tmp_path, "ads", trainer=trainer)
    with pytest.raises(adscore.PublishError, match="not fitted"):
        adscore.publish(LogisticRegression(), tmp_path, "ads", trainer=trainer)
    with pytest.raises(adscore.PublishError, match="no program"):
        adscore.publish(LogisticRegression().fit(frame[NUMBERS], labels), tmp_path, "ads", trainer="/nowhere/trainer")
    with pytest.raises(adscore.PublishError, match="3 classes"):
        three = LogisticRegression().fit(frame[NUMBERS], np.arange(200) % 3)
        adscore.publish(three, tmp_path, "ads", trainer=trainer)
    assert not any(tmp_path.iterdir())
