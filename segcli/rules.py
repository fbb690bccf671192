"""Every finding that segcli can make, in one table: its code, severity, meaning and remedy.

A code never changes its meaning and is never given again. L is for LabelMe data; the hundreds are 0 the lists, 1 the
files, 2 the images, 3 the labels. S is for semantic data; the hundreds are
0 the folder, 1 the lists, 2 images and files, 3 masks, 4 classes, 5 the division into parts. C1 is for COCO data; the
tens are 0 the folder and its files, 1 images, 2 and 3 objects, 4 categories, 5 the division into parts.
"""

from __future__ import annotations

from dataclasses import dataclass

from segcli.findings import Finding, Severity

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


@dataclass(frozen=True)
class Code:
    """A kind of finding.

    Attributes:
        code: Stable code.
        severity: How bad it is.
        meaning: What it says, in a few words; the title in reports.
        remedy: What to do about it.
    """

    code: str
    severity: Severity
    meaning: str
    remedy: str


_TABLE = (
    Code("L001", ERROR, "no LabelMe files in this folder", "point Global.dataset_dir at the folder of the JSON files"),
    Code("L002", ERROR, "annotation named in a list is missing", "correct the line, or put the file there"),
    Code("L003", WARNING, "annotation in no list", "name it in train_anno_list.txt or val_anno_list.txt to use it"),
    Code("L004", ERROR, "annotation named in both parts", "take the line out of one list"),
    Code("L005", WARNING, "JSON file that is not LabelMe's", "none needed: it is left alone"),
    Code("L006", ERROR, "LabelMe data, not converted yet", "segcli convert, or CheckDataset.convert.enable=True"),
    Code("L101", ERROR, "file is no JSON", "restore the file or take it out of the list"),
    Code("L102", ERROR, "file is not LabelMe's", "save it with LabelMe, or take it out of the list"),
    Code("L103", ERROR, "shape with too few points", "delete the shape in LabelMe, or draw it anew"),
    Code("L104", ERROR, "points that are no points", "delete the shape in LabelMe, or draw it anew"),
    Code("L105", ERROR, "shape without a label", "give it a label in LabelMe"),
    Code("L106", ERROR, "shape of unknown type", "draw it as polygon, rectangle, circle, line, point or mask"),
    Code("L107", ERROR, "embedded image or mask is damaged", "open and save the file in LabelMe"),
    Code("L108", WARNING, "shape lies outside the image", "look at it in LabelMe; only what lies inside is painted"),
    Code("L109", INFO, "no shapes", "none needed: the image is all background"),
    Code("L110", ERROR, "mask without pixels", "delete the shape in LabelMe, or draw it anew"),
    Code("L111", WARNING, "file not UTF-8", "open and save the file in LabelMe; look at its labels"),
    Code("L201", ERROR, "image missing", "put it beside the annotation or into images/, under its own name"),
    Code("L202", ERROR, "image cannot be decoded", "replace the file"),
    Code("L203", WARNING, "two images of one name", "none needed: the second gets another name in the result"),
    Code("L204", ERROR, "two annotations of one image", "move the shapes into one file and take the other away"),
    Code("L205", WARNING, "image is not the one that was labelled", "put the original back, or label this one anew"),
    Code("L301", WARNING, "labels differ in case only", "give them one spelling if they mean the same"),
    Code("L302", ERROR, "label not in label.txt", "add it to label.txt, or correct the shape"),
    Code("L303", INFO, "shapes that are no objects", "none needed: __ignore__ and _background_ are left out"),
    Code("L304", ERROR, "more classes than a mask can hold", "use at most 254 labels, or an instance model"),
    Code("S001", ERROR, "no dataset in this folder", "point Global.dataset_dir at the folder of train.txt and val.txt"),
    Code("S002", ERROR, "more than one dataset below this folder", "point Global.dataset_dir at one of them"),
    Code("S101", ERROR, "list file missing", "write it, or let CheckDataset.split.enable=True divide the samples"),
    Code("S102", ERROR, "list file empty", "list at least one sample, or divide anew with CheckDataset.split"),
    Code("S103", ERROR, "line cannot be parsed", "write image and mask, with a tab between where a name holds blanks"),
    Code("S104", WARNING, "line given more than once", "delete the repeated line: its sample counts double"),
    Code("S105", WARNING, "image given with different masks", "keep the line with the right mask"),
    Code("S106", WARNING, "list file not plain UTF-8", "save the list as UTF-8 without byte order mark"),
    Code(
        "S107",
        WARNING,
        "class file cannot be used as it is",
        "write one line a class to class_name_to_id.txt, like 0: _background_, ids from 0 without gaps",
    ),
    Code("S201", ERROR, "image missing", "correct the path in the list, or put the file there"),
    Code("S202", ERROR, "mask missing", "correct the path in the list, or put the file there"),
    Code("S203", ERROR, "image cannot be decoded", "replace the file or take its line out of the list"),
    Code("S204", ERROR, "image cut off", "copy or download the file again"),
    Code("S205", ERROR, "mask cannot be decoded", "replace the file or take its line out of the list"),
    Code("S206", ERROR, "mask cut off", "copy or write the file again"),
    Code("S207", ERROR, "image and mask differ in size", "write the mask anew at the size of the image"),
    Code("S208", WARNING, "unusual file suffix", "convert the file to PNG or JPEG (a mask: PNG)"),
    Code("S209", INFO, "grey image", "none needed: it is read as colour"),
    Code("S210", INFO, "image with transparency", "none needed: the transparency is dropped"),
    Code("S211", INFO, "image of more than 8 bits", "none needed: it is scaled to 8 bits"),
    Code("S212", WARNING, "tiny image", "leave it out, or check that it is no thumbnail"),
    Code("S301", ERROR, "mask in colour", "write class ids into one channel of 8 bits, not colours"),
    Code("S302", ERROR, "mask of more than 8 bits", "save the mask with 8 bits; ids lie between 0 and 255"),
    Code("S303", ERROR, "mask in a lossy format", "save the mask as PNG: lossy formats change ids at every edge"),
    Code(
        "S304",
        ERROR,
        "id outside the classes",
        "correct the mask, name the class, or set Train.num_classes; 255 is ignored",
    ),
    Code("S305", WARNING, "mask of background only", "check that nothing was left unlabelled"),
    Code("S306", WARNING, "mask of ignored pixels only", "label it or take it out: it teaches and measures nothing"),
    Code("S401", WARNING, "class never used", "check the ids of the masks, or take the class out"),
    Code(
        "S402",
        WARNING,
        "class in one part only",
        "divide anew: a class must be in train to be learnt, in val to be measured",
    ),
    Code(
        "S403", WARNING, "ids with gaps", "renumber the ids without gaps, or name all classes in class_name_to_id.txt"
    ),
    Code(
        "S404",
        WARNING,
        "Train.num_classes disagrees with the class names",
        "leave Train.num_classes out or set it to the number of classes",
    ),
    Code("S405", WARNING, "class names without a background", "write class_name_to_id.txt, which leaves no doubt"),
    Code("S406", ERROR, "masks hold nothing but 0 and 255", "255 means ignored: write 1 where the object is"),
    Code(
        "S501",
        ERROR,
        "same image in train and val",
        "keep it in one part: scores on images seen in training mean nothing",
    ),
    Code("S502", WARNING, "copies of an image in one part", "keep one of them"),
    Code(
        "C101",
        ERROR,
        "no COCO dataset in this folder",
        "point Global.dataset_dir at the folder of images and annotations",
    ),
    Code("C102", ERROR, "more than one COCO dataset below this folder", "point Global.dataset_dir at one of them"),
    Code("C103", ERROR, "annotation file missing", "write it, or let CheckDataset.split.enable=True divide the images"),
    Code("C104", ERROR, "annotation file cannot be read", "write COCO JSON with images, annotations and categories"),
    Code("C105", ERROR, "part without images", "add images, or divide anew with CheckDataset.split"),
    Code("C106", ERROR, "part without objects", "label at least one object: there is nothing to learn or to measure"),
    Code("C107", ERROR, "entry cannot be used", "give the entry the keys that COCO asks for, ids as whole numbers"),
    Code("C111", ERROR, "image missing", "correct file_name, or put the file into the folder images"),
    Code("C112", ERROR, "image cannot be decoded", "replace the file or take the image out of the annotation file"),
    Code("C113", ERROR, "image cut off", "copy or download the file again"),
    Code(
        "C114",
        ERROR,
        "width and height differ from the file",
        "correct them, and make sure that the outlines were drawn at the size of the file",
    ),
    Code("C115", ERROR, "image id given more than once", "give every image an id of its own"),
    Code("C116", ERROR, "image listed more than once", "keep one entry and move all annotations to its id"),
    Code("C117", INFO, "image without objects", "none needed: it is kept and teaches what is no object"),
    Code("C118", WARNING, "unusual file suffix", "convert the file to PNG or JPEG"),
    Code("C119", WARNING, "width or height missing", "write them; they were taken from the file"),
    Code("C121", WARNING, "box reaches outside of the image", "correct bbox [left, top, width, height]; it is clipped"),
    Code("C122", ERROR, "box empty or outside of the image", "correct bbox, or delete the key: it is then computed"),
    Code("C123", WARNING, "box missing", "write bbox; it was computed from the outline"),
    Code("C124", ERROR, "polygon with fewer than 3 points", "draw the polygon again or delete it"),
    Code("C125", ERROR, "polygon is no list of x, y pairs", "write [x1, y1, x2, y2, ...] for each polygon"),
    Code("C126", WARNING, "polygon crosses itself", "draw it again: what is inside is not what was meant"),
    Code("C127", ERROR, "object without outline", "label its outline, or delete the annotation"),
    Code("C128", ERROR, "run-length code damaged", "write the mask again; size is [height, width] of the image"),
    Code("C129", WARNING, "object smaller than 4 px", "delete it if it is a slip of the mouse"),
    Code(
        "C130", WARNING, "area missing or not positive", "write area in square pixels; it was computed from the outline"
    ),
    Code("C131", ERROR, "annotation of no image", "correct image_id, or delete the annotation"),
    Code("C132", ERROR, "unknown category", "correct category_id, or add the category to categories"),
    Code(
        "C133", ERROR, "annotation id given more than once", "number the annotations anew: COCO tools drop all but one"
    ),
    Code(
        "C134", WARNING, "box does not fit the outline", "write bbox as [left, top, width, height], or delete the key"
    ),
    Code("C141", ERROR, "category id given more than once", "give every category an id of its own"),
    Code("C142", ERROR, "category name given more than once", "give every category a name of its own"),
    Code("C143", ERROR, "categories of train and val differ", "write the same categories into both files"),
    Code("C144", WARNING, "category has another id in train and val", "write the same categories into both files"),
    Code("C145", WARNING, "category without objects", "take it out of categories, or label its objects"),
    Code(
        "C146",
        WARNING,
        "category in one part only",
        "divide anew: a class must be in train to be learnt, in val to be measured",
    ),
    Code(
        "C147",
        WARNING,
        "Train.num_classes disagrees with the categories",
        "leave Train.num_classes out or set it to the number of categories",
    ),
    Code(
        "C151",
        ERROR,
        "same image in train and val",
        "keep it in one part: scores on images seen in training mean nothing",
    ),
    Code("C152", WARNING, "copies of an image in one part", "keep one of them"),
)

CODES: dict[str, Code] = {entry.code: entry for entry in _TABLE}


def finding(code: str, path: str, message: str, *, location: str | None = None, hint: str | None = None) -> Finding:
    """A finding with the severity and the remedy of its code; `hint` replaces the remedy with a more exact one."""
    entry = CODES[code]
    return Finding(code, entry.severity, path, message, location=location, hint=hint or entry.remedy)
