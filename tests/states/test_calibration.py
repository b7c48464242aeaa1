import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinescribe.errors import UsageError
from kinescribe.states import Calibration, parse_point, resolve_calibration

coordinates = st.floats(-1e4, 1e4)
points = st.tuples(coordinates, coordinates)
angles = st.floats(-720, 720)
calibrations = st.one_of(
    st.just(Calibration.pixels()),
    st.builds(Calibration.from_scale, st.floats(1e-3, 1e5), st.just("m"), points, angles),
    st.builds(lambda o, a: Calibration(2.0, "m", o, math.radians(a), y_up=False), points, angles),
)


@given(calibrations, points)
def test_pixels_come_back_from_the_world(calibration, point):
    np.testing.assert_allclose(calibration.to_pixels(calibration.points(point)), point, rtol=0, atol=1e-9)


@given(calibrations, points, points, st.floats(-10, 10))
def test_vectors_are_linear_and_differences_of_points(calibration, u, v, k):
    u, v = np.array(u), np.array(v)
    atol = 1e-7 / calibration.pixels_per_unit
    np.testing.assert_allclose(calibration.vectors(u + k * v), calibration.vectors(u) + k * calibration.vectors(v), atol=atol)
    np.testing.assert_allclose(calibration.vectors(u - v), calibration.points(u) - calibration.points(v), atol=atol)


@given(calibrations, points)
def test_lengths_are_those_of_vectors(calibration, v):
    np.testing.assert_allclose(np.hypot(*calibration.vectors(v)), calibration.lengths(math.hypot(*v)), rtol=1e-9, atol=1e-200)


@given(calibrations, st.floats(0.01, 10), st.floats(0.01, 10), st.floats(-0.99, 0.99))
def test_covariances_stay_positive_definite_and_follow_the_points(calibration, a, b, correlation):
    covariance = np.array([[a * a, correlation * a * b], [correlation * a * b, b * b]])
    world = calibration.covariances(covariance)
    assert (np.linalg.eigvalsh(world) > 0).all()
    np.testing.assert_allclose(world, world.T, atol=1e-12 * np.abs(world).max())
    # The determinant is an area squared; a spread along a vector is the variance of that vector's image.
    np.testing.assert_allclose(np.linalg.det(world), calibration.areas(calibration.areas(np.linalg.det(covariance))), rtol=1e-6)
    spread = calibration.vectors(np.linalg.cholesky(covariance).T)
    np.testing.assert_allclose(spread.T @ spread, world, rtol=1e-9, atol=1e-12 * np.abs(world).max())


@given(calibrations, st.floats(-10, 10), st.floats(-3, 3))
def test_the_angle_of_a_direction_is_the_angle_of_its_vector(calibration, angle, rate):
    def direction(image_angle):
        return calibration.vectors((math.cos(image_angle), math.sin(image_angle))) * calibration.pixels_per_unit

    mapped = float(calibration.angles(angle))
    np.testing.assert_allclose(direction(angle), (math.cos(mapped), math.sin(mapped)), atol=1e-9)
    np.testing.assert_allclose(calibration.angles(angle + rate) - mapped, calibration.angle_rates(rate), atol=1e-9)


def test_shapes_pass_through():
    calibration = Calibration.from_scale(2, "m", (3, 4), 30)
    assert calibration.points(np.zeros((5, 7, 2))).shape == (5, 7, 2)
    assert calibration.to_pixels(np.zeros((0, 2))).shape == (0, 2)
    assert calibration.covariances(np.zeros((5, 2, 2))).shape == (5, 2, 2)
    assert np.isnan(calibration.points([[np.nan, 1.0]])).any()


def test_the_pixel_frame_changes_nothing():
    pixels = Calibration.pixels()
    assert (pixels.unit, pixels.is_pixels, pixels.y_up) == ("px", True, False)
    np.testing.assert_array_equal(pixels.points([[3.5, 7.25]]), [[3.5, 7.25]])
    assert pixels.angles(0.3) == 0.3


def test_y_is_up_in_a_calibrated_world():
    calibration = Calibration.from_scale(100, "m", origin=(50, 80))
    np.testing.assert_allclose(calibration.points((150, 80)), (1, 0), atol=1e-12)
    np.testing.assert_allclose(calibration.points((50, -20)), (0, 1), atol=1e-12)
    # What falls down the screen is negative; what turns clockwise on the screen is too.
    np.testing.assert_allclose(calibration.vectors((0, 981)), (0, -9.81))
    assert calibration.angle_rates(2.0) == -2.0


def test_the_axes_turn_counter_clockwise_on_the_screen():
    calibration = Calibration.from_scale(1, "m", angle_deg=90)
    np.testing.assert_allclose(calibration.vectors((0, -1)), (1, 0), atol=1e-12)  # up the screen is along x
    np.testing.assert_allclose(calibration.vectors((-1, 0)), (0, 1), atol=1e-12)  # left on the screen is along y
    tilted = Calibration.from_scale(1, "m", angle_deg=30)
    np.testing.assert_allclose(tilted.angles(-math.pi / 6), 0, atol=1e-12)


def test_a_stick_gives_the_scale():
    calibration = Calibration.from_stick(0.5, "m", (10, 20), (40, 60), origin=(1, 2), angle_deg=45)
    assert calibration.pixels_per_unit == 100
    assert calibration.origin_px == (1, 2)
    assert calibration.angle_rad == pytest.approx(math.pi / 4)


@pytest.mark.parametrize(
    "text",
    [
        "0.30 m: 120,400 480,402",
        "0.30m:120,400 480,402",
        "  .3 m :  120 , 400   480 , 402 ",
        "3e-1 m: (120,400) (480,402)",
        "3e-1 m: (120,400)(480,402)",
        "0.30 m: 120.0,4e2; 480,402",
    ],
)
def test_a_stick_is_read_however_it_is_spaced(text):
    calibration = Calibration.parse_stick(text)
    assert calibration.unit == "m"
    assert calibration.pixels_per_unit == pytest.approx(math.hypot(360, 2) / 0.3)


@given(st.floats(1e-3, 1e3), points, points, st.sampled_from(["m", "cm", "in", "µm", "body lengths", "ft"]))
def test_what_is_written_as_a_stick_is_read_so(length, p0, p1, unit):
    text = f"{length!r} {unit}: {p0[0]!r},{p0[1]!r} {p1[0]!r},{p1[1]!r}"
    if math.dist(p0, p1) < 1e-3:
        return
    assert Calibration.parse_stick(text) == Calibration.from_stick(length, unit, p0, p1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.30: 120,400 480,402", "no unit"),
        ("0.30 m 120,400 480,402", "0.30 m: 120,400 480,402"),
        ("m: 120,400 480,402", "cannot read the scale"),
        ("0,30 m: 120,400 480,402", "decimal point"),
        ("0.30 m: 120,400", "two points"),
        ("0.30 m: 120,400 480,402 1,1", "two points"),
        ("0.30 m: 120;400 480;402", "two points"),
        ("0.30 m: 120,400 120,400", "same pixel"),
        ("0 m: 120,400 480,402", "more than 0"),
        ("-1 m: 120,400 480,402", "more than 0"),
        ("1e999 m: 120,400 480,402", "finite"),
        ("10 px: 120,400 480,402", "one px is one px"),
        ("", "cannot read the scale"),
    ],
)
def test_a_stick_that_makes_no_sense_is_refused_in_one_line(text, says):
    with pytest.raises(UsageError, match=says) as caught:
        Calibration.parse_stick(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_a_stick_or_a_usage_error(text):
    try:
        said = Calibration.parse_stick(text).unit
    except UsageError as error:
        said = str(error)
    assert said.isprintable()


@pytest.mark.parametrize("scale", [0, -3, math.nan, math.inf, 1e-320])
def test_a_scale_must_be_a_positive_number(scale):
    with pytest.raises(UsageError, match="pixels per unit"):
        Calibration.from_scale(scale, "m")


@pytest.mark.parametrize("unit", ["", "  ", "a\nb", "m" * 41])
def test_a_unit_must_be_a_word(unit):
    with pytest.raises(UsageError, match="unit"):
        Calibration.from_scale(2, unit)


def test_points_are_read():
    assert parse_point("131.3, 207.9") == (131.3, 207.9)
    for text in ("131", "a,b", "1,2,3", "nan,1", ""):
        with pytest.raises(UsageError, match="320,240"):
            parse_point(text)


def test_options_become_a_calibration():
    assert resolve_calibration() == Calibration.pixels() == resolve_calibration(unit="px")
    stick = "0.5 m: 10,20 40,60"
    assert resolve_calibration(stick, origin="1,2", angle=45) == Calibration.from_stick(0.5, "m", (10, 20), (40, 60), (1, 2), 45)
    assert resolve_calibration(stick, unit="m").pixels_per_unit == 100
    assert resolve_calibration(pixels_per_unit=398.7, unit="m") == Calibration.from_scale(398.7, "m")


def test_axes_without_a_scale_are_pixels_with_y_up():
    calibration = resolve_calibration(origin="100,200")
    assert calibration.is_pixels
    np.testing.assert_allclose(calibration.points((103, 196)), (3, 4))
    assert resolve_calibration(angle=0.0).y_up


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"unit": "m"}, "--scale '0.30 m: x0,y0 x1,y1'.*--pixels-per-unit"),
        ({"unit": "m", "origin": "1,2"}, "needs a scale"),
        ({"scale": "1 m: 0,0 1,1", "pixels_per_unit": 3.0, "unit": "m"}, "two scales"),
        ({"scale": "1 m: 0,0 1,1", "unit": "cm"}, "two units"),
        ({"pixels_per_unit": 3.0}, "--unit m"),
        ({"pixels_per_unit": 3.0, "unit": "px"}, "one px is one px"),
        ({"origin": "middle"}, "'middle'"),
        ({"angle": math.nan}, "angle"),
    ],
)
def test_options_that_contradict_each_other_are_refused_with_the_way_out(options, says):
    with pytest.raises(UsageError, match=says) as caught:
        resolve_calibration(**options)
    assert "\n" not in str(caught.value)
