/** A text as a QR code: an SVG picture in a data: URL. */
import { renderSVG } from 'uqr';

export const qrCodeOf = (text: string): string => `data:image/svg+xml;base64,${Buffer.from(renderSVG(text)).toString('base64')}`;
