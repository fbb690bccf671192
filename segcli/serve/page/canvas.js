"use strict";
// Draws the image, the masks (LabelMe's shapes) and the prompts; converts screen coordinates into image pixels.

const COLOURS = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#f032e6", "#9a6324", "#808000",
  "#000075", "#46b4d0", "#c9a400"];
const colourOf = (number) => COLOURS[number % COLOURS.length];

class View {
  constructor(canvas, stage) {
    this.canvas = canvas;
    this.stage = stage;
    this.bitmap = null;
    this.scale = 1;
    this.masks = new Map(); // PNG in base64 -> tinted canvas
  }

  show(bitmap) {
    this.bitmap = bitmap;
    this.masks.clear();
    this.canvas.hidden = false;
    this.fit();
  }

  fit() {
    if (!this.bitmap) return;
    const room = 8;
    const { clientWidth, clientHeight } = this.stage;
    this.scale = Math.min((clientWidth - room) / this.bitmap.width, (clientHeight - room) / this.bitmap.height);
    const ratio = window.devicePixelRatio || 1;
    const width = this.bitmap.width * this.scale, height = this.bitmap.height * this.scale;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
  }

  // The pixel of the image under the pointer, inside of the image.
  place(event) {
    const frame = this.canvas.getBoundingClientRect();
    const x = (event.clientX - frame.left) / this.scale, y = (event.clientY - frame.top) / this.scale;
    return [Math.min(Math.max(x, 0), this.bitmap.width), Math.min(Math.max(y, 0), this.bitmap.height)];
  }

  draw(objects, prompt, dragged) {
    if (!this.bitmap) return;
    const context = this.canvas.getContext("2d");
    const zoom = this.canvas.width / this.bitmap.width;
    context.setTransform(zoom, 0, 0, zoom, 0, 0);
    context.drawImage(this.bitmap, 0, 0);
    objects.forEach((object, number) => this.drawShapes(context, object.shapes, colourOf(number), zoom));
    if (prompt) this.drawPrompt(context, prompt, zoom);
    if (dragged) this.drawBox(context, dragged, zoom);
  }

  drawShapes(context, shapes, colour, zoom) {
    context.lineWidth = 2 / zoom;
    context.strokeStyle = colour;
    for (const shape of shapes) {
      if (shape.shape_type === "mask") {
        this.drawMask(context, shape, colour);
        continue;
      }
      context.beginPath();
      shape.points.forEach(([x, y], index) => (index ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.globalAlpha = 0.4;
      context.fillStyle = colour;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
  }

  drawMask(context, shape, colour) {
    const key = colour + shape.mask;
    const tinted = this.masks.get(key);
    if (tinted) {
      context.drawImage(tinted, shape.points[0][0], shape.points[0][1]);
    } else if (tinted === undefined) {
      this.masks.set(key, null); // being decoded
      tint(shape.mask, colour).then((found) => {
        this.masks.set(key, found);
        this.canvas.dispatchEvent(new Event("redraw"));
      });
    }
  }

  drawPrompt(context, prompt, zoom) {
    if (prompt.box) this.drawBox(context, prompt.box, zoom);
    for (const [x, y, on] of prompt.points) {
      context.beginPath();
      context.arc(x, y, 6 / zoom, 0, 2 * Math.PI);
      context.fillStyle = on ? "#16a34a" : "#dc2626";
      context.fill();
      context.lineWidth = 2 / zoom;
      context.strokeStyle = "#fff";
      context.stroke();
    }
  }

  drawBox(context, [x1, y1, x2, y2], zoom) {
    for (const [width, colour] of [[4, "#fff"], [2, "#1f6feb"]]) {
      context.lineWidth = width / zoom;
      context.strokeStyle = colour;
      context.strokeRect(Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1));
    }
  }
}

// A mask's PNG (black and white) as a canvas of one colour: full on the rim, lighter inside, transparent outside.
async function tint(png, colour) {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const { width, height, data } = pixels, inside = Uint8Array.from({ length: width * height }, (_, at) => data[4 * at] && 1);
  const has = (x, y) => x >= 0 && y >= 0 && x < width && y < height && inside[y * width + x] === 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isCore = has(x - 1, y) && has(x + 1, y) && has(x, y - 1) && has(x, y + 1);
      data.set([red, green, blue, has(x, y) ? (isCore ? 115 : 255) : 0], 4 * (y * width + x));
    }
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
