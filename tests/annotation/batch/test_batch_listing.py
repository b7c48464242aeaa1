"""Which videos there are, in folders as people have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kinescribe.annotation.batch.listing import list_videos
from kinescribe.annotation.batch.planning import folder_of
from kinescribe.errors import InputError, UsageError


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(*sources: str | Path, **options: object) -> list[str]:
    return [video.name for video in list_videos(sources, **options).videos]  # type: ignore[arg-type]


def test_a_folder_gives_its_videos_at_any_depth_in_the_order_of_their_names(tmp_path: Path):
    put(tmp_path / "b.MP4", tmp_path / "a" / "z.mov", tmp_path / "a" / "deep" / "er" / "x.avi", tmp_path / "c.mkv")
    listing = list_videos([tmp_path])
    assert [video.name for video in listing.videos] == ["a/deep/er/x.avi", "a/z.mov", "b.MP4", "c.mkv"]
    assert listing.videos[1].path == tmp_path / "a" / "z.mov"
    assert listing.told() == []


def test_other_files_are_passed_over_and_told_once_a_reason(tmp_path: Path):
    put(tmp_path / "a.mp4", tmp_path / "notes.txt", tmp_path / "table.csv", tmp_path / "Makefile")
    listing = list_videos([tmp_path])
    assert [video.name for video in listing.videos] == ["a.mp4"]
    (told,) = listing.told()
    assert "files that aren't videos by their ending" in told
    assert "and 2 more" in told


def test_hidden_files_and_folders_are_no_videos(tmp_path: Path):
    put(tmp_path / "a.mp4", tmp_path / ".DS_Store", tmp_path / "._a.mp4", tmp_path / ".hidden.mp4", tmp_path / ".cache" / "b.mp4")
    listing = list_videos([tmp_path])
    assert [video.name for video in listing.videos] == ["a.mp4"]
    assert listing.told() == []


STRANGE = [
    "with spaces.mp4", "  leading.mp4", "new\nline.mp4", "tab\tbed.mp4", "quo'te.mp4", 'double"quote.mp4', "back\\slash.mp4", "-o.mp4",
    "--help.mp4", "star*.mp4", "brack[et].mp4", "percent%41.mp4", "ünïcode.mp4", "日本語.mp4", "caf\u00e9.mp4", "cafe\u0301.mp4",
    "$(reboot).mp4", ";rm.mp4", "<b>.mp4", "=1+1.mp4", os.fsdecode(b"byte\xff\xfe.mp4"), "x" * 240 + ".mp4", "CON.mp4", "a..mp4",
]  # fmt: skip


def test_strange_names_stay_as_they_are_and_come_to_different_folders(tmp_path: Path):
    put(*(tmp_path / name for name in STRANGE))
    assert names(tmp_path) == sorted(STRANGE)
    folders = [folder_of(name) for name in STRANGE]
    assert len({folder.casefold() for folder in folders}) == len(STRANGE)
    for folder in folders:
        assert "/" not in folder
        assert folder not in ("", ".", "..")
        assert not folder.startswith(("-", "."))
        assert len(os.fsencode(folder)) < 128
        folder.encode("utf-8")


@pytest.mark.parametrize("name", ["-o.mp4", "new\nline.mp4", "brack[et].mp4", "star*.mp4", os.fsdecode(b"byte\xff.mp4"), "a.txt.mp4"])
def test_a_strange_name_can_be_given_by_itself(tmp_path: Path, name: str):
    put(tmp_path / name, tmp_path / "starry.mp4", tmp_path / "bracke.mp4")
    assert names(tmp_path / name) == [name]


def test_links_within_the_folder_are_followed_and_those_out_of_it_are_not(tmp_path: Path):
    folder, outside = tmp_path / "videos", tmp_path / "outside"
    put(folder / "real.mp4", outside / "secret.mp4")
    (folder / "in.mp4").symlink_to("real.mp4")
    (folder / "out.mp4").symlink_to(outside / "secret.mp4")
    (folder / "up.mp4").symlink_to("../outside/secret.mp4")
    (folder / "gone.mp4").symlink_to("nowhere.mp4")
    (folder / "self.mp4").symlink_to("self.mp4")
    (folder / "one.mp4").symlink_to("two.mp4")
    (folder / "two.mp4").symlink_to("one.mp4")
    (folder / "dir").symlink_to(outside)
    (folder / "dir.mp4").symlink_to(outside)
    (folder / "round").symlink_to(folder)
    listing = list_videos([folder])
    assert [video.name for video in listing.videos] == ["in.mp4", "real.mp4"]
    counts = {why: count for why, (count, _) in listing.passed_over.items()}
    assert counts == {
        "links that lead out of the folder, which are not followed": 2,
        "links that lead nowhere": 4,
        "links to folders, which are not followed": 3,
    }


def test_a_folder_that_is_itself_a_link_is_looked_through(tmp_path: Path):
    put(tmp_path / "real" / "a.mp4")
    (tmp_path / "real" / "b.mp4").symlink_to("a.mp4")
    (tmp_path / "link").symlink_to("real")
    assert names(tmp_path / "link") == ["a.mp4", "b.mp4"]


def test_pipes_and_devices_with_the_ending_of_a_video_are_not_opened(tmp_path: Path):
    put(tmp_path / "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "null.mp4").symlink_to("/dev/null")
    (tmp_path / "folder.mp4").mkdir()
    listing = list_videos([tmp_path])
    assert [video.name for video in listing.videos] == ["a.mp4"]
    assert listing.passed_over["things that are no files"][0] == 1
    with pytest.raises(InputError, match="neither a file nor a folder"):
        list_videos([tmp_path / "pipe.mp4"])


def test_a_folder_deeper_than_the_stack_is_looked_through(tmp_path: Path):
    here = tmp_path
    for _ in range(400):
        here /= "d"
    here.mkdir(parents=True)
    put(here / "a.mp4")
    assert names(tmp_path) == ["d/" * 400 + "a.mp4"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_read_is_told_and_the_others_are_taken(tmp_path: Path):
    put(tmp_path / "a.mp4", tmp_path / "closed" / "b.mp4")
    (tmp_path / "closed").chmod(0)
    try:
        listing = list_videos([tmp_path])
        with pytest.raises(InputError, match="can't be listed"):
            list_videos([tmp_path / "closed"])
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [video.name for video in listing.videos] == ["a.mp4"]
    assert "folders that can't be listed" in listing.told()[0]


def test_an_empty_folder_has_no_videos(tmp_path: Path):
    assert list_videos([tmp_path]).videos == []


def test_the_data_sets_own_folder_is_left_out(tmp_path: Path):
    put(tmp_path / "a.mp4", tmp_path / "out" / "states" / "a.mp4" / "overlay.mp4")
    assert names(tmp_path, leave_out=tmp_path / "out") == ["a.mp4"]
    (tmp_path / "link").symlink_to("out")
    assert names(tmp_path, leave_out=tmp_path / "link") == ["a.mp4"]


def test_a_folder_that_is_to_be_the_data_set_too_is_refused(tmp_path: Path):
    put(tmp_path / "a.mp4")
    with pytest.raises(UsageError, match="give another -o"):
        list_videos([tmp_path], leave_out=tmp_path)


@pytest.mark.parametrize("pattern", ["**/*.mp4", "*/*/*/*.mp4", "*"])
def test_the_data_sets_own_folder_is_left_out_of_patterns_too(tmp_path: Path, pattern: str):
    put(tmp_path / "a.mp4", tmp_path / "b" / "c" / "d" / "e.mp4", tmp_path / "out" / "states" / "a.mp4" / "overlay.mp4")
    assert not [name for name in names(str(tmp_path / pattern), leave_out=tmp_path / "out") if "overlay" in name]


def test_a_list_gives_its_lines(tmp_path: Path):
    put(tmp_path / "a.mp4", tmp_path / "sub" / "b with space.mp4", tmp_path / "videofile")
    text = "\ufeff# a comment\r\n\r\na.mp4\r\n   sub/b with space.mp4   \r\n./a.mp4\r\n#a.mp4\r\nvideofile"
    (tmp_path / "list.txt").write_bytes(text.encode())
    assert names(tmp_path / "list.txt") == ["a.mp4", "sub/b with space.mp4", "videofile"]


def test_a_list_parted_by_nul_characters_takes_every_name(tmp_path: Path):
    strange = ["new\nline.mp4", "#hash.mp4", " space .mp4 ", os.fsdecode(b"\xff.mp4")]
    put(*(tmp_path / name for name in strange))
    (tmp_path / "list.lst").write_bytes(b"\0".join(os.fsencode(name) for name in strange) + b"\0")
    assert names(tmp_path / "list.lst") == sorted(strange)


def test_a_list_may_name_what_lies_elsewhere(tmp_path: Path):
    put(tmp_path / "elsewhere" / "a.mp4", tmp_path / "lists" / "b.mp4")
    listed = tmp_path / "lists" / "list.txt"
    listed.write_text(f"{tmp_path}/elsewhere/a.mp4\n../elsewhere/a.mp4\nb.mp4\n")
    found = list_videos([listed]).videos
    assert {video.path.resolve() for video in found} == {tmp_path / "elsewhere" / "a.mp4", tmp_path / "lists" / "b.mp4"}
    for video in found:
        assert not video.name.startswith("/")
        assert ".." not in video.name.split("/")


@pytest.mark.parametrize("line", ["missing.mp4", "a.mp4/inside.mp4", "x" * 5000])
def test_a_list_with_a_missing_entry_is_refused_with_the_line(tmp_path: Path, line: str):
    put(tmp_path / "a.mp4")
    (tmp_path / "list.txt").write_text(f"a.mp4\n\n{line}\n")
    with pytest.raises(InputError, match=r"list\.txt, line 3"):
        list_videos([tmp_path / "list.txt"])


def test_an_empty_list_has_no_videos(tmp_path: Path):
    (tmp_path / "list.txt").write_text("# nothing yet\n")
    assert list_videos([tmp_path / "list.txt"]).videos == []


def test_a_pattern_gives_what_it_fits_relative_to_its_fixed_part(tmp_path: Path):
    put(tmp_path / "cam1" / "a.mp4", tmp_path / "cam2" / "a.mp4", tmp_path / "cam2" / "b.txt", tmp_path / "cam2" / ".c.mp4")
    assert names(f"{tmp_path}/cam*/*") == ["cam1/a.mp4", "cam2/a.mp4"]
    assert names(f"{tmp_path}/cam?") == ["cam1/a.mp4", "cam2/a.mp4"]
    assert names(f"{tmp_path}/**/a.mp4") == ["cam1/a.mp4", "cam2/a.mp4"]
    with pytest.raises(InputError, match="nothing matches"):
        list_videos([f"{tmp_path}/*.avi"])


def test_a_pattern_does_not_go_round_with_links_to_folders(tmp_path: Path):
    put(tmp_path / "videos" / "a.mp4", tmp_path / "outside" / "b.mp4")
    (tmp_path / "videos" / "round").symlink_to(".")
    (tmp_path / "videos" / "out").symlink_to("../outside")
    listing = list_videos([f"{tmp_path}/videos/**/*.mp4"])
    assert [video.name for video in listing.videos] == ["a.mp4"]
    assert "links to folders, which are not followed" in listing.passed_over


def test_several_sources_keep_the_names_that_they_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path / "one" / "a.mp4", tmp_path / "two" / "a.mp4", tmp_path / "b.mp4")
    monkeypatch.chdir(tmp_path)
    assert names("one", "two", "b.mp4") == ["b.mp4", "one/a.mp4", "two/a.mp4"]
    assert names("one", "./one/", "one/a.mp4") == ["one/a.mp4"]


def test_two_videos_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path / "here" / "videos" / "a.mp4", tmp_path / "videos" / "a.mp4")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError, match=r"two videos would both be called 'videos/a\.mp4'"):
        list_videos(["videos", "../videos"])


def test_a_video_whose_name_is_a_folder_of_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path / "here" / "x.mp4", tmp_path / "x.mp4" / "y.mp4")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UsageError, match="lies inside of"):
        list_videos(["x.mp4", "../x.mp4"])


def test_folders_of_pictures_are_videos_only_where_asked_for(tmp_path: Path):
    put(tmp_path / "a.mp4", *(tmp_path / "frames" / f"{k:03}.png" for k in range(3)))
    listing = list_videos([tmp_path])
    assert [video.name for video in listing.videos] == ["a.mp4"]
    assert "--image-folders" in " ".join(listing.told())
    assert names(tmp_path, image_folders=True) == ["a.mp4", "frames"]
    with pytest.raises(UsageError, match="holds pictures itself"):
        list_videos([tmp_path / "frames"], image_folders=True)


@pytest.mark.parametrize("sources", [[], [""], ["  "], ["a.mp4", ""]])
def test_no_source_is_refused(sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="name the videos"):
        list_videos(sources)


@pytest.mark.parametrize("source", ["missing", "x" * 5000, "nul\0in.mp4", "a.mp4/b.mp4", "missing.txt"])
def test_a_source_that_is_not_there_is_told_in_one_line(tmp_path: Path, source: str):
    put(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="can't be read") as told:
        list_videos([f"{tmp_path}/{source}"])
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 400


def data_set(folder: Path) -> None:
    put(folder / ".kinescribe" / "manifest.sqlite", folder / "states" / "a.mp4" / "overlay.mp4", folder / "images" / "1.mp4")


def test_another_data_set_of_ours_among_the_videos_is_passed_over_and_told(tmp_path: Path):
    put(tmp_path / "a.mp4", tmp_path / "cam" / "b.mp4", tmp_path / "own" / "c.mp4")
    data_set(tmp_path / "cam" / "earlier")
    data_set(tmp_path / "later")
    listing = list_videos([tmp_path], leave_out=tmp_path / "own")
    assert [video.name for video in listing.videos] == ["a.mp4", "cam/b.mp4"]
    (told,) = listing.told()
    assert "data sets of kinescribe" in told
    assert "and 1 more" in told
    for pattern in ("**/*.mp4", "*"):
        listing = list_videos([f"{tmp_path}/{pattern}"], leave_out=tmp_path / "own")
        assert [video.name for video in listing.videos] == ["a.mp4", "cam/b.mp4"]
        assert any("data sets of kinescribe" in told for told in listing.told())


def test_a_data_set_that_is_named_itself_is_looked_through(tmp_path: Path):
    data_set(tmp_path / "earlier")
    put(tmp_path / "earlier" / "x.mp4")
    assert names(tmp_path / "earlier") == ["images/1.mp4", "states/a.mp4/overlay.mp4", "x.mp4"]
    assert names(f"{tmp_path}/earlier/states/*/overlay.mp4") == ["a.mp4/overlay.mp4"]


def test_of_a_long_path_that_is_passed_over_the_end_is_told(tmp_path: Path):
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    (folder / "notes.txt").write_text("x")
    (told,) = list_videos([str(folder)]).told()
    assert told.endswith("deep/notes.txt'")
    assert "'…" in told
