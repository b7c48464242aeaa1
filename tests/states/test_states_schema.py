from kinescribe.states import COLUMNS, LABEL_VERDICTS, SHAPES, STATUSES, Calibration, States, table_schema

DOCUMENTED = """frame,time_s,object_id,identity_score,label,label_score,label_verified,x,y,vx,vy,ax,ay,angle,angular_velocity,width,height,
area,shape,sigma_x,sigma_y,sigma_vx,sigma_vy,sigma_ax,sigma_ay,sigma_angle,sigma_angular_velocity,x_px,y_px,bbox_x,bbox_y,bbox_w,bbox_h,status,
detection_score,review""".replace("\n", "").split(",")


def field(schema, name):
    return next(field for field in schema["fields"] if field["name"] == name)


def test_the_columns_are_the_documented_ones_in_their_order():
    assert [column.name for column in COLUMNS] == DOCUMENTED
    assert [item["name"] for item in table_schema(None)["fields"]] == DOCUMENTED


def test_every_column_says_what_it_means():
    for column in COLUMNS:
        assert column.meaning.endswith(".")
        assert column.dtype in ("integer", "number", "string")
        assert (column.kind == "none") == (column.dtype != "number")


def test_units_follow_the_calibration():
    metres = table_schema(Calibration.from_scale(100, "m"))
    units = {item["name"]: item.get("unit") for item in metres["fields"]}
    assert [units[name] for name in ("x", "vy", "ax", "area", "width", "sigma_vx")] == ["m", "m/s", "m/s²", "m²", "m", "m/s"]
    assert [units[name] for name in ("time_s", "angle", "sigma_angular_velocity", "x_px")] == ["s", "rad", "rad/s", "px"]
    assert units["label"] is units["frame"] is units["identity_score"] is None
    assert field(table_schema(Calibration.pixels()), "vx")["unit"] == "px/s"
    unknown = table_schema(None)
    assert "unit" not in field(unknown, "vx")
    assert field(unknown, "x_px")["unit"] == "px"


def test_constraints_are_those_that_validation_holds():
    schema = table_schema(None)
    assert field(schema, "status")["constraints"] == {"enum": list(STATUSES)}
    assert field(schema, "shape")["constraints"] == {"enum": list(SHAPES)}
    assert field(schema, "label_verified")["constraints"] == {"enum": list(LABEL_VERDICTS)}
    assert field(schema, "identity_score")["constraints"] == {"minimum": 0, "maximum": 1}
    assert field(schema, "frame")["constraints"] == {"required": True, "minimum": 0}
    assert all(field(schema, name)["constraints"] == {"minimum": 0} for name in DOCUMENTED if name.startswith("sigma_"))
    assert schema["primaryKey"] == ["frame", "object_id"]
    assert schema["missingValues"] == [""]


def test_columns_that_are_not_ours_are_described_too():
    states = States.from_columns({"frame": [0], "time_s": [0], "object_id": [1], "x": [0], "y": [0], "force": [1.5], "note": ["a"]})
    assert states.extra == {"force": "number", "note": "string"}
    assert [item["type"] for item in states.schema["fields"][-2:]] == ["number", "string"]
