import logging
from pathlib import Path

import pytest

from pipeline.data import downloads
from pipeline.data.downloads import GoogleLandmarks, google_landmarks, redownload
from pipeline.data.downloads.partial_file import PartialFile
from pipeline.data.downloads.transfer import Patience
from tests.pipeline.data.downloads.local_server import LocalServer

QUICK = Patience(attempts=2, first_wait=0.001, timeout=10)
ONCE = Patience(attempts=1, timeout=10)
TARS = ("/index/images_000.tar", "/index/images_001.tar", "/index/images_002.tar")


def download(
    server: LocalServer, folder: Path, *tars: int, patience: Patience = QUICK
) -> tuple[Path, ...]:
    requested = GoogleLandmarks(split="index", tars=tars)
    mirror = server.address + "/"
    return google_landmarks.download(requested, folder, mirror=mirror, patience=patience)


def found(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {f"/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in files}


def test_the_folder_is_laid_out_as_the_server_is(server: LocalServer, tmp_path: Path) -> None:
    requested = GoogleLandmarks(split="index", tars=(0, 1, 2))
    tars = downloads.download(requested, tmp_path, mirror=server.address)
    assert tars == tuple(tmp_path / f"index/images_00{number}.tar" for number in range(3))
    assert found(tmp_path) == server.files


def test_only_the_named_tars_are_fetched(server: LocalServer, tmp_path: Path) -> None:
    assert download(server, tmp_path, 0, 2) == (tmp_path / TARS[0][1:], tmp_path / TARS[2][1:])
    other = {TARS[1], "/md5sum/index/md5.images_001.txt"}
    assert found(tmp_path).keys() == server.files.keys() - other


def test_the_tables_of_the_test_split_include_its_ground_truth(
    server: LocalServer, tmp_path: Path
) -> None:
    names = (
        "/metadata/test.csv",
        "/ground_truth/recognition_solution_v2.1.csv",
        "/ground_truth/retrieval_solution_v2.1.csv",
    )
    server.files = dict.fromkeys(names, b"id\n")
    requested = GoogleLandmarks(split="test", tars=())
    assert downloads.download(requested, tmp_path, mirror=server.address) == ()
    assert found(tmp_path) == server.files


def test_what_is_there_is_not_fetched_again(server: LocalServer, tmp_path: Path) -> None:
    download(server, tmp_path, 0, 1)
    server.asked.clear()
    download(server, tmp_path, 0, 1, 2)
    gets = [path for method, path, _ in server.asked if method == "GET"]
    assert gets == ["/md5sum/index/md5.images_002.txt", TARS[2]]


def test_finished_files_do_without_the_server(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tars = download(server, tmp_path, 0)
    requested = GoogleLandmarks(split="index", tars=(0,))
    nobody = "http://127.0.0.1:9"  # the port that discards
    again = google_landmarks.download(requested, tmp_path, mirror=nobody, patience=ONCE)
    assert again == tars
    assert "taken to be whole" in caplog.text


def test_tars_fetched_by_other_means_need_only_their_md5_files(
    server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / TARS[0][1:]).write_bytes(server.files[TARS[0]])
    download(server, tmp_path, 0)
    assert server.gets(TARS[0]) == []
    assert (tmp_path / "md5sum" / "index" / "md5.images_000.txt").is_file()


def test_a_finished_tar_that_was_damaged_is_named_and_fetched_again(
    server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tars = download(server, tmp_path, 0, 1)
    tars[1].write_bytes(tars[1].read_bytes()[:-1] + b"?")
    with caplog.at_level(logging.WARNING, "pipeline"):
        download(server, tmp_path, 0, 1)
    assert found(tmp_path)[TARS[1]] == server.files[TARS[1]]
    assert len(server.gets(TARS[0])) == 1
    assert f"{tars[1]} differs from its md5" in caplog.text


def test_a_cut_table_is_fetched_again(server: LocalServer, tmp_path: Path) -> None:
    download(server, tmp_path)
    (tmp_path / "metadata" / "index.csv").write_bytes(b"id\n")
    download(server, tmp_path)
    assert found(tmp_path) == {n: c for n, c in server.files.items() if n.startswith("/metadata")}


def test_a_damaged_md5_file_is_fetched_again(server: LocalServer, tmp_path: Path) -> None:
    (tar,) = download(server, tmp_path, 0)
    google_landmarks.md5_file(tar).write_text("<html>log in first</html>", "utf-8")
    download(server, tmp_path, 0)
    assert len(server.gets(TARS[0])) == 1
    assert found(tmp_path)[f"/md5sum/index/{google_landmarks.md5_file(tar).name}"].endswith(
        b"images_000.tar\n"
    )


def test_an_md5_file_without_a_hash_is_refused(server: LocalServer, tmp_path: Path) -> None:
    server.files["/md5sum/index/md5.images_000.txt"] = b"<html>log in first</html>"
    with pytest.raises(ValueError, match=r"md5\.images_000\.txt .*32 hexadecimal.*--mirror"):
        download(server, tmp_path, 0)
    assert not (tmp_path / "index" / "images_000.tar").exists()


def test_a_wrong_tar_is_never_given_its_name(server: LocalServer, tmp_path: Path) -> None:
    server.files["/md5sum/index/md5.images_001.txt"] = b"0" * 32 + b"  images_001.tar\n"
    with pytest.raises(ValueError, match=rf"images_001\.tar .*expected {'0' * 32}, received"):
        download(server, tmp_path, 0, 1, 2)
    assert found(tmp_path)[TARS[0]] == server.files[TARS[0]]
    assert not {TARS[1], TARS[2], TARS[1] + ".part"} & found(tmp_path).keys()


def test_an_interrupted_download_goes_on(server: LocalServer, tmp_path: Path) -> None:
    server.faults[TARS[1]] = ["cut"]
    with pytest.raises(ConnectionError, match=r"images_001\.tar"):
        download(server, tmp_path, 0, 1, 2, patience=ONCE)
    download(server, tmp_path, 0, 1, 2)
    assert found(tmp_path) == server.files
    assert len(server.gets(TARS[0])) == 1
    assert server.gets(TARS[1])[1].startswith("bytes=")


def test_bad_tars_are_fetched_again_with_resume(server: LocalServer, tmp_path: Path) -> None:
    tars = download(server, tmp_path, 0, 1)
    tars[1].write_bytes(b"damaged")
    server.faults[TARS[1]] = ["cut"]
    with pytest.raises(ConnectionError, match=r"images_001\.tar"):
        redownload([tars[1]], mirror=server.address, patience=ONCE)
    assert tars[1].read_bytes() == b"damaged"
    kept = PartialFile(tars[1]).size
    redownload([tars[1]], mirror=server.address, patience=QUICK)
    assert found(tmp_path) == {
        name: content for name, content in server.files.items() if "002" not in name
    }
    assert server.gets(TARS[1]) == ["", "", f"bytes={kept}-"]
    assert len(server.gets(TARS[0])) == 1


@pytest.mark.parametrize("name", ["train/a.tar", "photos/images_000.tar", "train/images_0.tar"])
def test_only_tars_of_google_landmarks_are_fetched_again(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"as train/images_000.tar.* Received: {tmp_path / name}"):
        redownload([tmp_path / name])
